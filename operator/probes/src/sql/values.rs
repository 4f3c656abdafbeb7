//! PostgreSQL's values, as expectations know them.

use std::collections::BTreeMap;
use std::error::Error;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use runbook_core::checks::SqlValue;
use runbook_core::checks::outcome::MAX_TEXT;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind, Type};

/// Whether values of a type are read.
pub fn is_read(of: &Type) -> bool {
    <Value as FromSql>::accepts(of)
}

/// The first column and all columns of a row.
///
/// # Errors
/// A value cannot be read, and what to write instead; without the value.
pub fn read(row: &Row) -> Result<(SqlValue, BTreeMap<String, SqlValue>), String> {
    let mut first = None;
    let mut columns = BTreeMap::new();
    for (index, column) in row.columns().iter().enumerate() {
        let Value(value) = row.try_get(index).map_err(|_| {
            format!(
                "its column {:?} has a value of type {} that is not read (over {MAX_TEXT} bytes, or infinite): shorten or cast it \
                 in SQL",
                column.name(),
                column.type_().name()
            )
        })?;
        first.get_or_insert_with(|| value.clone());
        columns.entry(column.name().to_owned()).or_insert(value);
    }
    Ok((first.unwrap_or(SqlValue::Null), columns))
}

struct Value(SqlValue);

impl<'a> FromSql<'a> for Value {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *of {
            Type::BOOL => SqlValue::Bool(bool::from_sql(of, raw)?),
            Type::INT2 => SqlValue::Int(i16::from_sql(of, raw)?.into()),
            Type::INT4 => SqlValue::Int(i32::from_sql(of, raw)?.into()),
            Type::INT8 => SqlValue::Int(i64::from_sql(of, raw)?),
            Type::OID => SqlValue::Int(u32::from_sql(of, raw)?.into()),
            Type::FLOAT4 => SqlValue::Double(f32::from_sql(of, raw)?.into()),
            Type::FLOAT8 => SqlValue::Double(f64::from_sql(of, raw)?),
            Type::NUMERIC => numeric(raw).ok_or("no numeric")?,
            Type::TIMESTAMPTZ => SqlValue::Timestamp(Timestamp::from_sql(of, raw)?),
            Type::TIMESTAMP => SqlValue::Timestamp(TimeZone::UTC.to_timestamp(DateTime::from_sql(of, raw)?)?),
            Type::VOID => SqlValue::Null,
            // An enum's value is sent as its label.
            _ => match std::str::from_utf8(raw)? {
                long if long.len() > MAX_TEXT => return Err("too long".into()),
                text => SqlValue::Text(text.to_owned()),
            },
        }))
    }

    fn from_sql_null(_of: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(SqlValue::Null))
    }

    fn accepts(of: &Type) -> bool {
        let read = [
            Type::BOOL,
            Type::INT2,
            Type::INT4,
            Type::INT8,
            Type::OID,
            Type::FLOAT4,
            Type::FLOAT8,
            Type::NUMERIC,
            Type::TIMESTAMPTZ,
            Type::TIMESTAMP,
            Type::VOID,
            Type::TEXT,
            Type::VARCHAR,
            Type::BPCHAR,
            Type::NAME,
        ];
        read.contains(of) || matches!(of.kind(), Kind::Enum(_))
    }
}

/// A numeric as PostgreSQL sends it (numeric_send): how many digits to the base of 10,000, the power of the first, the sign, how many
/// decimal places are shown, and the digits. What has no decimal places and fits is an int, the others are the nearest double.
fn numeric(raw: &[u8]) -> Option<SqlValue> {
    const NEGATIVE: u16 = 0x4000;
    const NAN: u16 = 0xC000;
    const INFINITE: u16 = 0xD000;
    const MINUS_INFINITE: u16 = 0xF000;
    let mut words = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (_count, weight, sign, places) = (words.next()?, words.next()?.cast_signed(), words.next()?, words.next()?);
    match sign {
        NAN => return Some(SqlValue::Double(f64::NAN)),
        INFINITE => return Some(SqlValue::Double(f64::INFINITY)),
        MINUS_INFINITE => return Some(SqlValue::Double(f64::NEG_INFINITY)),
        _ => {}
    }
    let digits: Vec<u16> = words.collect();
    let mut text = String::from(if sign == NEGATIVE { "-" } else { "" });
    for digit in &digits {
        text.push_str(&format!("{digit:04}"));
    }
    // The last digit's power of 10,000.
    let power = i32::from(weight) + 1 - i32::try_from(digits.len()).ok()?;
    if digits.is_empty() {
        text.push('0');
    }
    text.push_str(&format!("e{}", power * 4));
    let double: f64 = text.parse().ok()?;
    if places > 0 {
        return Some(SqlValue::Double(double));
    }
    let whole = digits.iter().try_fold(0i128, |sum, digit| sum.checked_mul(10_000)?.checked_add(i128::from(*digit)));
    let whole = whole
        .and_then(|whole| 10_000i128.checked_pow(u32::try_from(power).ok()?).and_then(|scale| whole.checked_mul(scale)))
        .map(|whole| if sign == NEGATIVE { -whole } else { whole });
    Some(match whole.and_then(|whole| i64::try_from(whole).ok()) {
        Some(whole) => SqlValue::Int(whole),
        None => SqlValue::Double(double),
    })
}
