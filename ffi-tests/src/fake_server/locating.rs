//! How the fake server answers Locate: which filters it heeds, how much it gives at once, and whether it has pages.

use std::ops::RangeInclusive;

use kmip_p11::kmip::Tag;
use kmip_p11::kmip::ttlv::Item;

use super::answer::Body;
use super::state::State;
use super::vault::Stored;

/// The ways in which servers differ.
#[derive(Debug, Clone, Default)]
pub struct Locating {
    /// Objects given at once; all if none.
    pub most: Option<usize>,
    /// Whether Offset Items is ignored.
    pub without_pages: bool,
    /// Whether Located Items tells of those on other pages, too.
    pub tells_total: bool,
    /// Filters that are ignored.
    pub ignored: Vec<Tag>,
    /// Application Specific Information is taken and not kept.
    pub forgets_marks: bool,
    /// Pairs that are made, and come first, right after the next answer.
    pub made_meanwhile: usize,
}

/// Filters it heeds: Object Type, Object Group, Name, State, Cryptographic Algorithm and Length,
/// Initial Date.
pub fn locate(state: &State, payload: Item<'_>) -> Body {
    let number = |tag| {
        let number = payload.find(tag).and_then(Item::integer);
        number.and_then(|number| usize::try_from(number).ok())
    };
    let mut vault = state.vault();
    let wanted = Wanted::read(payload, &vault.locating.ignored);
    let fits = |object: &&Stored| wanted.fits(object);
    let locating = vault.locating.clone();
    let all: Vec<String> = vault
        .objects
        .iter()
        .filter(fits)
        .map(|o| o.id.clone())
        .collect();
    let offset = match locating.without_pages {
        true => 0,
        false => number(Tag::OFFSET_ITEMS).unwrap_or(0),
    };
    let most = number(Tag::MAXIMUM_ITEMS).unwrap_or(usize::MAX);
    let most = most.min(locating.most.unwrap_or(usize::MAX));
    let total = all.len();
    let ids: Vec<String> = all.into_iter().skip(offset).take(most).collect();
    for _ in 0..std::mem::take(&mut vault.locating.made_meanwhile) {
        vault.bulk(1);
        vault.objects.rotate_right(2);
    }
    Box::new(move |writer| {
        let told = match locating.tells_total {
            true => total,
            false => ids.len(),
        };
        let told = i32::try_from(told).expect("a small number");
        writer.integer(Tag::LOCATED_ITEMS, told);
        ids.iter()
            .for_each(|id| writer.text(Tag::UNIQUE_IDENTIFIER, id));
    })
}

/// What a request asks for.
#[derive(Default)]
struct Wanted {
    kind: Option<u32>,
    group: Option<String>,
    name: Option<String>,
    state: Option<u32>,
    algorithm: Option<u32>,
    length: Option<i32>,
    made: Option<RangeInclusive<i64>>,
}

impl Wanted {
    fn read(payload: Item<'_>, ignored: &[Tag]) -> Self {
        let all = |tag: Tag| match ignored.contains(&tag) {
            true => vec![],
            false => filters(payload, tag),
        };
        let number = |tag| all(tag).first().and_then(|item| item.enumeration());
        let text = |item: Option<Item<'_>>| item.and_then(Item::text).map(str::to_owned);
        let name = all(Tag::NAME);
        let name = name.first().and_then(|name| name.find(Tag::NAME_VALUE));
        let dates: Vec<i64> = all(Tag::INITIAL_DATE)
            .into_iter()
            .filter_map(Item::date_time)
            .collect();
        Self {
            kind: number(Tag::OBJECT_TYPE),
            group: text(all(Tag::OBJECT_GROUP).first().copied()),
            name: text(name),
            state: number(Tag::STATE),
            algorithm: number(Tag::CRYPTOGRAPHIC_ALGORITHM),
            length: all(Tag::CRYPTOGRAPHIC_LENGTH)
                .first()
                .and_then(|item| item.integer()),
            made: dates
                .iter()
                .min()
                .zip(dates.iter().max())
                .map(|(from, to)| *from..=*to),
        }
    }

    fn fits(&self, object: &Stored) -> bool {
        self.kind.is_none_or(|it| it == object.object_type.0)
            && self.state.is_none_or(|it| it == object.state.0)
            && self.algorithm.is_none_or(|it| it == object.algorithm.0)
            && self.length.is_none_or(|it| it == object.length)
            && self
                .made
                .as_ref()
                .is_none_or(|it| it.contains(&object.created))
            && self
                .group
                .as_ref()
                .is_none_or(|it| object.groups.contains(it))
            && self
                .name
                .as_ref()
                .is_none_or(|it| object.names.contains(it))
    }
}

/// The values of a filter, in the form of 1.x or of 2.x.
fn filters<'a>(payload: Item<'a>, tag: Tag) -> Vec<Item<'a>> {
    values(payload.find(Tag::ATTRIBUTES).unwrap_or(payload), tag)
}

/// The values of an attribute among others, in the form of 1.x or of 2.x.
pub fn values<'a>(holder: Item<'a>, tag: Tag) -> Vec<Item<'a>> {
    let name = tag.to_string();
    let named = |attribute: &Item<'a>| {
        let found = attribute.find(Tag::ATTRIBUTE_NAME).and_then(Item::text);
        found == Some(name.as_str())
    };
    let attributes = holder.find_all(Tag::ATTRIBUTE).filter(named);
    let old = attributes.filter_map(|it| it.find(Tag::ATTRIBUTE_VALUE));
    old.chain(holder.find_all(tag)).collect()
}
