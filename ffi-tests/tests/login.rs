//! C_Login and C_Logout: what a program sees before, between and after, whatever the PIN is.

use cryptoki_sys::*;
use ffi_tests::api_token::{self, TOKEN};
use ffi_tests::configuration::{Configuration, SlotEntry, own_log};
use ffi_tests::fake_server::{FakeServer, Vault};
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::locked::{Locked, PIN};
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::scene::{LABEL, NoServer, Scene};
use ffi_tests::scratch::Scratch;
use ffi_tests::session::{Session, class};
use ffi_tests::{ServerKind, call, here, on_each_server};
use kmip_p11::model::public_key::{Curve, KeyType};

const P256: KeyType = KeyType::Ec(Curve::P256);
const DIGEST: &[u8] = &[7; 32];

fn open(module: &Module) -> Session<'_> {
    Session::open(module, module.slot(LABEL)).expect("a session")
}

/// Two sessions of one token.
struct Pair<'a> {
    one: Session<'a>,
    other: Session<'a>,
}

impl Pair<'_> {
    fn have_state(&self, state: CK_STATE) {
        assert_eq!(
            (self.one.state(), self.other.state()),
            (Ok(state), Ok(state))
        );
    }

    fn see_nothing(&self) {
        self.have_state(CKS_RW_PUBLIC_SESSION);
        assert_eq!(self.one.find(&vec![]), Ok(vec![]));
        let refused = self.one.sign_init(CKM_ECDSA, 1);
        assert_eq!(refused, Err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(self.other.logout(), Err(CKR_USER_NOT_LOGGED_IN));
    }
}

/// What holds for every slot with a PIN; it has one key, called "web".
fn contract(module: &Module, pin: &str, log: impl Fn() -> String) {
    let info = module.token_info(module.slot(LABEL));
    let asked = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    let told = asked | CKF_PROTECTED_AUTHENTICATION_PATH;
    assert_eq!(info.map(|info| info.flags & told), Ok(asked));
    let pair = Pair {
        one: open(module),
        other: open(module),
    };
    wrong_pins(&pair, pin);
    let key = a_login(&pair, pin, &log);
    after_a_logout(&pair, key);
    assert_eq!(pair.other.login(CKU_USER, pin), Ok(()));
    let old = pair.one.sign_init(CKM_ECDSA, key);
    assert_eq!(old, Err(CKR_KEY_HANDLE_INVALID));
    assert_ne!(pair.one.private_key("web"), key);
    closing_logs_out(module, pin);
    let log = log();
    assert!(log.contains("C_Login"), "the log is looked at: {log}");
    assert!(!log.contains(pin) && !log.contains("barley"), "{log}");
}

fn wrong_pins(pair: &Pair<'_>, pin: &str) {
    pair.see_nothing();
    let login = |user, pin: &str| pair.one.login(user, pin);
    assert_eq!(login(CKU_USER, "open barley"), Err(CKR_PIN_INCORRECT));
    assert_eq!(login(CKU_USER, "barley"), Err(CKR_PIN_INCORRECT));
    assert_eq!(login(CKU_USER, ""), Err(CKR_PIN_LEN_RANGE));
    let long = "x".repeat(4097);
    assert_eq!(login(CKU_USER, &long), Err(CKR_PIN_LEN_RANGE));
    assert_eq!(login(CKU_SO, pin), Err(CKR_USER_TYPE_INVALID));
    pair.see_nothing();
}

/// The key that is there then, with a signature begun by the other session.
fn a_login(pair: &Pair<'_>, pin: &str, log: impl Fn() -> String) -> CK_OBJECT_HANDLE {
    let Pair { one, other } = pair;
    assert_eq!(one.login(CKU_USER, pin), Ok(()), "{}", log());
    pair.have_state(CKS_RW_USER_FUNCTIONS);
    let again = other.login(CKU_USER, pin);
    assert_eq!(again, Err(CKR_USER_ALREADY_LOGGED_IN));
    let key = other.private_key("web");
    assert_eq!(other.attribute(key, CKA_PRIVATE), Ok(vec![CK_TRUE]));
    let signed = other.sign(CKM_ECDSA, key, DIGEST);
    assert_eq!(signed.map(|it| it.len()), Ok(64));
    other.sign_init(CKM_ECDSA, key).expect("C_SignInit");
    key
}

fn after_a_logout(pair: &Pair<'_>, key: CK_OBJECT_HANDLE) {
    let Pair { one, other } = pair;
    assert_eq!(one.logout(), Ok(()));
    let label = other.attribute(key, CKA_LABEL);
    assert_eq!(label, Err(CKR_OBJECT_HANDLE_INVALID));
    let signed = other.sign_into(DIGEST, 64);
    assert_eq!(signed, Err(CKR_USER_NOT_LOGGED_IN));
    pair.see_nothing();
}

/// All sessions at once, or the last one.
fn closing_logs_out(module: &Module, pin: &str) {
    let slot = module.slot(LABEL);
    assert_eq!(call!(module, C_CloseAllSessions, slot), CKR_OK);
    let last = open(module);
    assert_eq!(last.state(), Ok(CKS_RW_PUBLIC_SESSION));
    assert_eq!(last.login(CKU_USER, pin), Ok(()));
    drop(last);
    assert_eq!(open(module).state(), Ok(CKS_RW_PUBLIC_SESSION));
}

fn web(vault: &mut Vault) {
    vault.pair("web", P256);
}

on_each_server! {
    fn the_pin_may_be_the_passphrase_of_the_client_key(case) {
        let setup = || {
            let locked = Locked::on(case);
            locked.scene.make("web", P256);
            locked
        };
        alone(case.test, setup, || contract(&Module::initialized(), PIN, own_log));
    }
}

/// A slot on a fake server that knows one user.
fn slot_of(server: &FakeServer) -> SlotEntry {
    let slot = SlotEntry::new(LABEL, server.endpoint()).deadline("1s");
    slot.line("kmip.username = \"alice\"")
}

#[test]
fn the_pin_may_be_a_password() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).letting_in("alice", PIN).start();
        let written = configure(&[slot_of(&server).line("kmip.pin = \"password\"")]);
        contract(&Module::initialized(), PIN, || written.log());
    });
}

#[test]
fn a_password_that_cannot_be_tried_is_not_called_wrong() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).letting_in("alice", PIN).start();
        let written = configure(&[slot_of(&server).line("kmip.pin = \"password\"")]);
        let module = Module::initialized();
        let session = open(&module);
        server.stop();
        assert_eq!(session.login(CKU_USER, PIN), Err(CKR_DEVICE_ERROR));
        assert_eq!(session.state(), Ok(CKS_RW_PUBLIC_SESSION));
        server.start_again();
        assert_eq!(session.login(CKU_USER, PIN), Ok(()), "{}", written.log());
        assert_eq!(
            session.find(&class(CKO_PRIVATE_KEY)).map(|it| it.len()),
            Ok(1)
        );
    });
}

/// C_LoginUser, of the table of 3.0.
fn login_user(module: &Module, session: &Session<'_>, name: &str, pin: &str) -> CK_RV {
    let get = module.symbol(c"C_GetInterface");
    // SAFETY: the symbol is a function of this type.
    let get: CK_C_GetInterface = unsafe { std::mem::transmute(get) };
    let (mut version, mut interface) = (CK_VERSION { major: 3, minor: 0 }, std::ptr::null_mut());
    let name_of_interface = c"PKCS 11".as_ptr().cast_mut().cast();
    // SAFETY: all pointers are valid for the call.
    let rv = unsafe { get.expect("not null")(name_of_interface, &mut version, &mut interface, 0) };
    assert_eq!(rv, CKR_OK);
    // SAFETY: C_GetInterface gave it, and the version asked for has this table.
    let list = unsafe { &*(*interface).pFunctionList.cast::<CK_FUNCTION_LIST_3_0>() };
    let (mut name, mut pin) = (name.as_bytes().to_vec(), pin.as_bytes().to_vec());
    let (name_len, pin_len) = (name.len() as CK_ULONG, pin.len() as CK_ULONG);
    let login_user = list.C_LoginUser.expect("no entry is null");
    let (name, pin) = (name.as_mut_ptr(), pin.as_mut_ptr());
    // SAFETY: both texts are valid for their lengths.
    unsafe { login_user(session.handle(), CKU_USER, pin, pin_len, name, name_len) }
}

#[test]
fn the_user_may_be_named() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).letting_in("alice", PIN).start();
        let _written = configure(&[slot_of(&server).line("kmip.pin = \"password\"")]);
        let module = Module::initialized();
        let session = open(&module);
        let login = |name, pin| login_user(&module, &session, name, pin);
        assert_eq!(login("bob", PIN), CKR_ARGUMENTS_BAD);
        assert_eq!(login("alice", "barley"), CKR_PIN_INCORRECT);
        assert_eq!(login("alice", PIN), CKR_OK);
        assert_eq!(login("", PIN), CKR_USER_ALREADY_LOGGED_IN);
        assert_eq!(session.logout(), Ok(()));
        assert_eq!(login("", PIN), CKR_OK);
    });
}

#[test]
fn without_a_pin_a_login_is_not_needed_and_taken() {
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slot("nobody");
        let flags = module.token_info(slot).expect("C_GetTokenInfo").flags;
        assert_eq!(flags & CKF_LOGIN_REQUIRED, 0);
        assert_ne!(flags & CKF_PROTECTED_AUTHENTICATION_PATH, 0);
        let session = Session::open(&module, slot).expect("a session");
        assert_eq!(session.login(CKU_USER, ""), Ok(()));
        assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS));
        assert_eq!(
            session.login(CKU_USER, "any"),
            Err(CKR_USER_ALREADY_LOGGED_IN)
        );
        assert_eq!(session.logout(), Ok(()));
        assert_eq!(session.logout(), Err(CKR_USER_NOT_LOGGED_IN));
    });
}

#[test]
fn the_pin_may_be_a_bearer_token() {
    if !ServerKind::Cosmian.is_wanted(here!()) {
        return;
    }
    let setup = || {
        let server = ServerKind::Cosmian.shared();
        api_token::store();
        let files = Scratch::new();
        let token = files.write_mode("token", format!("{TOKEN}\n"), 0o600);
        let by_token = |slot: SlotEntry| slot.at(server.url()).without_certificate();
        let in_file = format!("kmip.bearer_token_file = {token:?}");
        let scene = Scene::of(server, |slot| by_token(slot).line(in_file));
        scene.make("web", P256);
        let slot = SlotEntry::new(LABEL, server.endpoint("alice")).group(&scene.group);
        Configuration::new(&[by_token(slot).line("kmip.pin = \"token\"")])
    };
    alone(here!(), setup, || {
        contract(&Module::initialized(), TOKEN, own_log)
    });
}
