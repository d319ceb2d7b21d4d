//! The fault switches by name, as the command line and the control path set them. Pure.

use super::faults::Faults;
use serde_json::{Map, Value};
use std::time::Duration;

/// One fault switch: one field of [`Faults`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultSwitch {
    /// [`Faults::throttle`].
    Throttle,
    /// [`Faults::fail_records`].
    FailRecords,
    /// [`Faults::server_error`].
    ServerError,
    /// [`Faults::cut_connection`].
    CutConnection,
    /// [`Faults::delay`].
    Delay,
    /// [`Faults::expired_credentials`].
    ExpiredCredentials,
    /// [`Faults::access_denied`].
    AccessDenied,
    /// [`Faults::record_bytes_max`].
    RecordBytesMax,
    /// [`Faults::shard_limits`].
    ShardLimits,
}

/// Why a fault switch cannot be set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// No switch has this name.
    #[error("{name:?} is no fault: use {}", FaultSwitch::ALL.map(FaultSwitch::name).join(", "))]
    Name {
        /// The name.
        name: String,
    },
    /// The switch takes no such value.
    #[error("the fault {} takes {}, not {found:?}", switch.name(), switch.takes())]
    Value {
        /// The switch.
        switch: FaultSwitch,
        /// What it got; empty: nothing.
        found: String,
    },
    /// The body of a request is not an object of names and values.
    #[error("faults are one JSON object of names and values, such as {{\"throttle\": 0.5}}")]
    Form,
}

impl FaultSwitch {
    /// All switches.
    pub const ALL: [Self; 9] = [
        Self::Throttle,
        Self::FailRecords,
        Self::ServerError,
        Self::CutConnection,
        Self::Delay,
        Self::ExpiredCredentials,
        Self::AccessDenied,
        Self::RecordBytesMax,
        Self::ShardLimits,
    ];

    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::FailRecords => "fail-records",
            Self::ServerError => "server-error",
            Self::CutConnection => "cut-connection",
            Self::Delay => "delay-ms",
            Self::ExpiredCredentials => "expired-credentials",
            Self::AccessDenied => "access-denied",
            Self::RecordBytesMax => "record-bytes-max",
            Self::ShardLimits => "shard-limits",
        }
    }

    /// Sets the switch that `text` names: `NAME` or `NAME=VALUE`.
    pub fn set_by_text(faults: &mut Faults, text: &str) -> Result<(), FaultError> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        Self::named(name)?.set(faults, value)
    }

    /// The faults that a JSON object of names and values means; those that it does not name are off.
    pub fn faults_of(body: &[u8]) -> Result<Faults, FaultError> {
        let values: Map<String, Value> = serde_json::from_slice(body).map_err(|_error| FaultError::Form)?;
        let mut faults = Faults::default();
        for (name, value) in values {
            let switch = Self::named(&name)?;
            match value {
                Value::Null => {}
                Value::String(text) => switch.set(&mut faults, Some(&text))?,
                value => switch.set(&mut faults, Some(&value.to_string()))?,
            }
        }
        Ok(faults)
    }

    /// All switches with their values, as [`Self::faults_of`] reads them.
    pub fn json_of(faults: &Faults) -> Value {
        Self::ALL.map(|switch| (switch.name().to_owned(), switch.value(faults))).into_iter().collect()
    }

    fn named(name: &str) -> Result<Self, FaultError> {
        let found = Self::ALL.into_iter().find(|switch| switch.name() == name);
        found.ok_or_else(|| FaultError::Name { name: name.to_owned() })
    }

    /// What it takes, as a part of a sentence.
    fn takes(self) -> &'static str {
        match self {
            Self::Throttle | Self::FailRecords | Self::ServerError | Self::CutConnection => {
                "a share from 0 (never) to 1 (always, also without a value)"
            }
            Self::Delay => "a number of milliseconds",
            Self::ExpiredCredentials | Self::AccessDenied | Self::ShardLimits => {
                "true (also without a value) or false"
            }
            Self::RecordBytesMax => "a number of bytes",
        }
    }

    fn set(self, faults: &mut Faults, value: Option<&str>) -> Result<(), FaultError> {
        match self {
            Self::Throttle => faults.throttle = self.share(value)?,
            Self::FailRecords => faults.fail_records = self.share(value)?,
            Self::ServerError => faults.server_error = self.share(value)?,
            Self::CutConnection => faults.cut_connection = self.share(value)?,
            Self::Delay => faults.delay = Duration::from_millis(self.number(value)?.into()),
            Self::ExpiredCredentials => faults.expired_credentials = self.flag(value)?,
            Self::AccessDenied => faults.access_denied = self.flag(value)?,
            Self::RecordBytesMax => {
                let bytes = self.number(value)?;
                faults.record_bytes_max = (bytes > 0).then_some(bytes as usize);
            }
            Self::ShardLimits => faults.shard_limits = self.flag(value)?,
        }
        Ok(())
    }

    fn value(self, faults: &Faults) -> Value {
        // The shortest decimal that means this number: 0.3, not 0.30000001192092896.
        let share = |share: f32| share.to_string().parse::<f64>().map_or(Value::Null, Value::from);
        match self {
            Self::Throttle => share(faults.throttle),
            Self::FailRecords => share(faults.fail_records),
            Self::ServerError => share(faults.server_error),
            Self::CutConnection => share(faults.cut_connection),
            Self::Delay => u64::try_from(faults.delay.as_millis()).unwrap_or(u64::MAX).into(),
            Self::ExpiredCredentials => faults.expired_credentials.into(),
            Self::AccessDenied => faults.access_denied.into(),
            Self::RecordBytesMax => faults.record_bytes_max.into(),
            Self::ShardLimits => faults.shard_limits.into(),
        }
    }

    fn share(self, value: Option<&str>) -> Result<f32, FaultError> {
        let share = value.unwrap_or("1").parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.ok_or_else(|| self.refuse(value))
    }

    fn flag(self, value: Option<&str>) -> Result<bool, FaultError> {
        value.unwrap_or("true").parse().map_err(|_error| self.refuse(value))
    }

    fn number(self, value: Option<&str>) -> Result<u32, FaultError> {
        value.unwrap_or_default().parse().map_err(|_error| self.refuse(value))
    }

    fn refuse(self, value: Option<&str>) -> FaultError {
        FaultError::Value { switch: self, found: value.unwrap_or_default().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_has_a_name_and_reads_back_what_it_shows() {
        let all = "throttle=0.5 fail-records=0.3 server-error=0.1 cut-connection delay-ms=1500 expired-credentials \
                   access-denied=true record-bytes-max=1024 shard-limits";
        let mut faults = Faults::default();
        for text in all.split_whitespace() {
            FaultSwitch::set_by_text(&mut faults, text).unwrap();
        }
        let expected = Faults {
            throttle: 0.5,
            fail_records: 0.3,
            server_error: 0.1,
            cut_connection: 1.0,
            delay: Duration::from_millis(1500),
            expired_credentials: true,
            access_denied: true,
            record_bytes_max: Some(1024),
            shard_limits: true,
        };
        assert_eq!(faults, expected);
        for faults in [faults, Faults::default()] {
            let json = FaultSwitch::json_of(&faults).to_string();
            assert_eq!(FaultSwitch::faults_of(json.as_bytes()), Ok(faults), "{json}");
        }
        assert!(FaultSwitch::json_of(&faults).to_string().contains("\"fail-records\":0.3,"));
    }

    #[test]
    fn a_wrong_name_value_or_form_says_what_is_allowed() {
        let by_text = |text: &str| {
            FaultSwitch::set_by_text(&mut Faults::default(), text).expect_err("it is wrong").to_string()
        };
        assert!(by_text("slow").contains("\"slow\" is no fault: use throttle, fail-records, "));
        for text in ["throttle=2", "throttle=-1", "throttle=", "throttle=NaN"] {
            assert!(by_text(text).contains("takes a share from 0"), "{text}");
        }
        assert_eq!(by_text("delay-ms"), "the fault delay-ms takes a number of milliseconds, not \"\"");
        assert!(by_text("record-bytes-max=1k").contains("a number of bytes"));
        assert!(by_text("shard-limits=yes").contains("true (also without a value) or false"));
        for body in ["", "[]", "1", "{"] {
            assert_eq!(FaultSwitch::faults_of(body.as_bytes()), Err(FaultError::Form), "{body}");
        }
        assert!(FaultSwitch::faults_of(b"{\"throttle\":\"x\"}").is_err());
        assert_eq!(FaultSwitch::faults_of(b"{\"throttle\":null}"), Ok(Faults::default()));
    }
}
