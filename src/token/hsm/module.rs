//! A loaded PKCS#11 module: begun once in a process, ended by the last who uses it, never by a forked child.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use parking_lot::Mutex;

use super::device::{Fault, FaultKind};
use super::seat::Seat;

/// A module that has been loaded and begun.
pub struct Module {
    /// Its functions.
    pub functions: Pkcs11,
    /// What C_GetInfo says it is.
    pub description: String,
    /// The tokens that are used now, by slot.
    pub seats: Mutex<Vec<(u64, Weak<Seat>)>>,
    file: FileId,
    /// True if we began it: then we end it.
    owned: bool,
    process: u32,
}

/// One file, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

/// The modules of one process.
struct Loaded {
    process: u32,
    modules: Mutex<Vec<Weak<Module>>>,
    /// Held while a module is loaded and begun, which may take long.
    turn: Mutex<()>,
}

/// A child of a fork takes the next place: its parent's lock may be held for ever.
static LOADED: [OnceLock<Loaded>; 32] = [const { OnceLock::new() }; 32];

fn loaded() -> Result<&'static Loaded, Fault> {
    let process = std::process::id();
    let fresh = || Loaded {
        process,
        modules: Mutex::default(),
        turn: Mutex::default(),
    };
    let mut places = LOADED.iter().map(|place| place.get_or_init(fresh));
    let ours = places.find(|loaded| loaded.process == process);
    ours.ok_or_else(|| {
        Fault::new(
            FaultKind::NoModule,
            "this process is a fork of too many forks",
        )
    })
}

impl Module {
    /// The module in that file, loaded and begun if it is not yet.
    pub fn open(path: &Path) -> Result<Arc<Self>, Fault> {
        let named = |fault: Fault| {
            let said = format!("module {}: {}", path.display(), fault.said);
            Fault::new(FaultKind::NoModule, said)
        };
        let file = FileId::of(path).map_err(named)?;
        let loaded = loaded()?;
        let _turn = loaded.turn.lock();
        let known = |module: &Arc<Self>| module.file == file;
        let found = loaded
            .modules
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .find(known);
        if let Some(module) = found {
            return Ok(module);
        }
        let module = Arc::new(Self::load(path, file).map_err(named)?);
        let mut modules = loaded.modules.lock();
        modules.retain(|module| module.strong_count() > 0);
        modules.push(Arc::downgrade(&module));
        Ok(module)
    }

    fn load(path: &Path, file: FileId) -> Result<Self, Fault> {
        if own_file() == Some(file) {
            return Err(ourselves());
        }
        let functions = Pkcs11::new(path)?;
        let owned = begin(&functions)?;
        let mut module = Self {
            functions,
            description: String::new(),
            seats: Mutex::default(),
            file,
            owned,
            process: std::process::id(),
        };
        let info = module.functions.get_library_info()?;
        if info.manufacturer_id() == crate::MANUFACTURER {
            return Err(ourselves());
        }
        let (maker, what) = (info.manufacturer_id(), info.library_description());
        module.description = format!("{maker}: {what}");
        Ok(module)
    }

    /// Begins it once more, if the host program has ended it.
    pub fn begin_again(&self) -> Result<(), Fault> {
        begin(&self.functions).map(drop)
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.owned && self.process == std::process::id() {
            // There is nobody to tell; a module that does not end is left as it is.
            let _ = self.functions.clone().finalize();
        }
    }
}

/// C_Initialize (v3.2, 5.4.1). True if it was our doing; a program that uses the module itself may
/// have begun it before us, and goes on to use it after us.
fn begin(functions: &Pkcs11) -> Result<bool, Fault> {
    match functions.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) => Ok(true),
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, Function::Initialize)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn ourselves() -> Fault {
    let said = "it is this library itself; write the HSM vendor's module";
    Fault::new(FaultKind::NoModule, said)
}

impl FileId {
    fn of(path: &Path) -> Result<Self, Fault> {
        let metadata = fs::metadata(path)
            .map_err(|error| Fault::new(FaultKind::NoModule, error.to_string()))?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// The file that this code was loaded from: the one whose memory has one of our functions in it.
fn own_file() -> Option<FileId> {
    FileId::of(&own_path()?).ok()
}

/// Its name.
pub fn own_path() -> Option<PathBuf> {
    let ours = own_path as fn() -> Option<PathBuf> as usize;
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| mapped_file(line, ours))
}

/// The file of a line of `/proc/self/maps`, if that address lies in it.
fn mapped_file(line: &str, address: usize) -> Option<PathBuf> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    let path = rest.find('/').and_then(|at| rest.get(at..))?;
    (start..end).contains(&address).then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_file_is_known_and_refused() {
        let own = std::env::current_exe().unwrap();
        assert_eq!(own_file(), FileId::of(&own).ok());
        let fault = Module::open(&own).err().unwrap();
        assert_eq!(fault.kind, FaultKind::NoModule);
        assert!(fault.said.contains("this library itself"), "{fault}");
    }

    #[test]
    fn what_is_no_module_is_refused_by_name() {
        let missing = Module::open(Path::new("/nowhere/module.so")).err().unwrap();
        assert!(
            missing.said.starts_with("module /nowhere/module.so: "),
            "{missing}"
        );
        let text = Module::open(Path::new("Cargo.toml")).err().unwrap();
        assert_eq!(text.kind, FaultKind::NoModule);
    }
}
