//! What is kept: attributes, keys and their wrapping.

use super::super::requests::{kwp, plain_key};
use super::{Scene, Trial, aes};
use crate::kmip::*;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap, KeyWrapPadded};

pub const TRIALS: [Trial; 13] = [
    ("everything asked", Version::V1_0, query),
    ("a list of attributes", Version::V1_0, attribute_list),
    ("one attribute asked", Version::V1_0, one_attribute),
    ("a plain key", Version::V1_0, plain),
    ("wrapped with its tag", Version::V1_0, wrapped_with_tag),
    ("wrapped without", Version::V1_1, wrapped_without),
    ("wrapped with padding", Version::V1_1, wrapped_padded),
    ("wrapped in RSA", Version::V1_1, wrapped_in_rsa),
    ("a wrapped key registered", Version::V1_1, register_wrapped),
    ("an attribute added", Version::V1_0, add),
    ("an attribute deleted by name", Version::V1_0, delete_named),
    ("an attribute set", Version::V2_0, set),
    ("an import", Version::V1_4, import),
];

fn query(scene: &Scene<'_>) -> Result<(), String> {
    let functions: Vec<_> = (1..=14).map(QueryFunction).collect();
    let known = functions.into_iter().filter(|function| {
        let functions = vec![*function];
        let request = Request::Query { functions };
        request.check_expressible(scene.version).is_ok()
    });
    let functions = known.collect();
    match scene.ask(Request::Query { functions })? {
        Response::Query(capabilities) => {
            println!("{capabilities:?}");
            assert!(capabilities.operations.contains(&Operation::GET));
            Ok(())
        }
        other => panic!("{other:?}"),
    }
}

fn attribute_list(scene: &Scene<'_>) -> Result<(), String> {
    let id = scene.key.clone();
    match scene.ask(Request::GetAttributeList { id })? {
        Response::GetAttributeList { names, .. } => {
            assert!(names.contains(&AttributeReference::Standard(Tag::STATE)));
            Ok(())
        }
        other => panic!("{other:?}"),
    }
}

fn attributes(scene: &Scene<'_>, id: &str, asked: Tag) -> Result<Vec<Attribute>, String> {
    let request = Request::GetAttributes {
        id: id.into(),
        names: vec![AttributeReference::Standard(asked)],
    };
    match scene.ask(request)? {
        Response::GetAttributes { attributes, .. } => Ok(attributes),
        other => panic!("{other:?}"),
    }
}

fn one_attribute(scene: &Scene<'_>) -> Result<(), String> {
    let state = [Attribute::State(State::ACTIVE)];
    assert_eq!(attributes(scene, &scene.key, Tag::STATE)?, state);
    Ok(())
}

fn plain(scene: &Scene<'_>) -> Result<(), String> {
    assert_eq!(scene.plain(&scene.key)?.len(), 32);
    Ok(())
}

fn wrapped(object: &ManagedObject) -> &[u8] {
    match object.key_block() {
        Some(KeyBlock {
            material: KeyMaterial::Wrapped(bytes),
            wrapping: Some(wrapping),
            ..
        }) if wrapping.hides_key() => bytes,
        other => panic!("{other:?}"),
    }
}

fn unwrapped(scene: &Scene<'_>, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let kek = AesKek::new(&AES_256, &scene.plain(&scene.kek)?).unwrap();
    let mut output = vec![0; bytes.len()];
    Ok(kek.unwrap(bytes, &mut output).unwrap().to_vec())
}

fn without_tag(kek: &str) -> KeyWrappingSpecification {
    KeyWrappingSpecification {
        encoding: Some(EncodingOption::NO_ENCODING),
        ..kwp(kek)
    }
}

fn wrapped_without(scene: &Scene<'_>) -> Result<(), String> {
    let object = scene.object(&scene.key, Some(without_tag(&scene.kek)))?;
    assert_eq!(
        unwrapped(scene, wrapped(&object))?,
        scene.plain(&scene.key)?
    );
    Ok(())
}

/// RFC 5649, which takes keys of any length: here an RSA key in PKCS#8.
fn wrapped_padded(scene: &Scene<'_>) -> Result<(), String> {
    let (private, _) = scene.pair()?;
    let mut wrapping = without_tag(&scene.kek);
    if let Some(key) = &mut wrapping.encryption_key {
        key.parameters.block_cipher_mode = Some(BlockCipherMode::AES_KEY_WRAP_PADDING);
    }
    let object = scene.object(&private, Some(wrapping))?;
    let kek = AesKek::new(&AES_256, &scene.plain(&scene.kek)?).unwrap();
    let bytes = wrapped(&object);
    let mut output = vec![0; bytes.len()];
    let key = kek.unwrap_with_padding(bytes, &mut output).unwrap();
    // Cosmian says PKCS#1 and wraps PKCS#8, at whose end the PKCS#1 stands.
    let plain = scene.plain(&private)?;
    assert!(key.ends_with(&plain) && key.len() > plain.len());
    let format = object.key_block().and_then(|block| block.format);
    assert_eq!(format, Some(KeyFormatType::PKCS_1));
    Ok(())
}

/// What is unwrapped is a Key Value, in which the key is found again.
fn wrapped_with_tag(scene: &Scene<'_>) -> Result<(), String> {
    let object = scene.object(&scene.key, Some(kwp(&scene.kek)))?;
    let (whole, key) = (
        unwrapped(scene, wrapped(&object))?,
        scene.plain(&scene.key)?,
    );
    println!(
        "{} bytes, the key in them: {}",
        whole.len(),
        whole.windows(key.len()).any(|part| part == key)
    );
    assert_eq!(whole.get(..3), Some(&[0x42, 0, 0x45][..]));
    Ok(())
}

fn wrapped_in_rsa(scene: &Scene<'_>) -> Result<(), String> {
    let (_, public) = scene.pair()?;
    let parameters = CryptographicParameters {
        padding: Some(PaddingMethod::OAEP),
        hashing: Some(HashingAlgorithm::SHA_256),
        ..Default::default()
    };
    let mut wrapping = without_tag(&public);
    wrapping.encryption_key = Some(KeyInformation {
        id: public,
        parameters,
    });
    let object = scene.object(&scene.key, Some(wrapping))?;
    assert_eq!(wrapped(&object).len(), 256);
    Ok(())
}

/// Where the server unwraps it by itself, the key that comes back is the one that was wrapped.
fn register_wrapped(scene: &Scene<'_>) -> Result<(), String> {
    let object = scene.object(&scene.key, Some(without_tag(&scene.kek)))?;
    let usage = Attribute::CryptographicUsageMask(UsageMask::ENCRYPT);
    let register = Request::Register {
        object: object.clone(),
        attributes: vec![usage],
    };
    let Response::Register { id } = scene.ask(register)? else {
        panic!()
    };
    let back = scene.object(&id, None)?;
    match back.key_block().map(|block| &block.material) {
        Some(KeyMaterial::Wrapped(bytes)) => assert_eq!(bytes, wrapped(&object)),
        Some(KeyMaterial::Bytes(bytes)) => assert_eq!(bytes[..], scene.plain(&scene.key)?),
        other => panic!("{other:?}"),
    }
    println!("{:?}", back.key_block().map(|block| &block.material));
    Ok(())
}

fn group() -> Attribute {
    Attribute::ObjectGroup("g".into())
}

fn add(scene: &Scene<'_>) -> Result<(), String> {
    scene.ask(Request::AddAttribute {
        id: scene.key.clone(),
        attribute: group(),
    })?;
    assert_eq!(attributes(scene, &scene.key, Tag::OBJECT_GROUP)?, [group()]);
    Ok(())
}

fn delete_named(scene: &Scene<'_>) -> Result<(), String> {
    let id = aes(scene.client, &[group()])?;
    scene.ask(Request::DeleteAttributeNamed {
        id: id.clone(),
        reference: AttributeReference::Standard(Tag::OBJECT_GROUP),
    })?;
    match attributes(scene, &id, Tag::OBJECT_GROUP).unwrap_or_default()[..] {
        [] => Ok(()),
        _ => Err("done, it said, but the attribute is still there".to_owned()),
    }
}

/// The last trial of those with the wrapping key: a sensitive one does not come out any more.
fn set(scene: &Scene<'_>) -> Result<(), String> {
    let sensitive = Attribute::Sensitive(true);
    scene.ask(Request::SetAttribute {
        id: scene.kek.clone(),
        attribute: sensitive,
    })?;
    Ok(())
}

fn import(scene: &Scene<'_>) -> Result<(), String> {
    let id = format!("imported {} {}", scene.version, std::process::id());
    let request = |replace_existing| Request::Import {
        id: id.clone(),
        object: plain_key(),
        attributes: vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(128),
            Attribute::CryptographicUsageMask(UsageMask::ENCRYPT),
        ],
        replace_existing,
        key_wrap_type: None,
    };
    scene.ask(request(false))?;
    scene.ask(request(true))?;
    println!("a second time: {:?}", scene.ask(request(false)));
    assert_eq!(scene.plain(&id)?, [7; 16]);
    Ok(())
}
