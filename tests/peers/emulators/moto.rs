//! What moto 5.2.5 answers in another way than AWS.

use super::Differences;

#[rustfmt::skip]
pub const KNOWN: &[Differences] = &[
    Differences { because: "it does not know ExclusiveStartShardId of ListShards", rows: &[
        ("shards are listed after a given one", "4"),
    ] },
    Differences { because: "it fails without a ShardCount", rows: &[
        ("a stream needs neither shards nor mode", "http 500"),
    ] },
    Differences { because: "it fails where AWS refuses", rows: &[
        ("a stream has at least one shard", "http 500"),
        ("AT_SEQUENCE_NUMBER without one", "http 500"),
        ("AT_TIMESTAMP without a time", "http 500"),
        ("an iterator that is none", "http 500"),
        ("the mode of no stream", "http 500"),
        ("a dry run with an iterator that is none", "http 500"),
    ] },
    Differences { because: "it does not check this", rows: &[
        ("2 MiB and a byte do not fit", "ok"),
        ("an empty key", "ok"),
        ("data of 1 MiB and a key", "ok"),
        ("data of 1 MiB and a byte", "ok"),
        ("a batch of none", "ok"),
        ("order after what is no number", "ok"),
        ("order after a number that was never given", "ok"),
        ("order after a number beyond all", "ok"),
        ("TRIM_HORIZON with a number", "ok"),
        ("a number of another stream", "ok"),
        ("AT_TIMESTAMP tomorrow", "ok"),
        ("a read of none", "ok"),
        ("a read of 10,001", "ok"),
        ("a split one above the first hash", "ok"),
        ("a description with no shard", "ok"),
        ("a put by the ARN of one and the name of another", "ok"),
        ("a tag with an illegal character", "ok"),
        ("a tag that AWS keeps for itself", "ok"),
        ("a tag without a key", "ok"),
        ("a key of 129 characters", "ok"),
        ("51 tags on a stream", "ok"),
        ("a split of a stream on demand", "ok"),
        ("an unknown mode", "ok"),
        ("a read with another stream's ARN", "ok"),
        ("a consumer beyond the limit", "ok"),
        ("a token that is none", "ok"),
        ("a consumer is deregistered once", "ok"),
        ("a stream with consumers is not deleted", "ok"),
    ] },
    Differences { because: "it refuses with another code than AWS", rows: &[
        ("a name with a blank", "ResourceNotFoundException"),
        ("a name with a letter that is not a to z", "ResourceNotFoundException"),
        ("a name of 129 characters", "ResourceNotFoundException"),
        ("257 letters as key", "InvalidArgumentException"),
        ("257 é as key", "InvalidArgumentException"),
        ("a batch with one bad key", "InvalidArgumentException"),
        ("an unknown type of iterator", "InvalidArgumentException"),
        ("a split of a shard with a bad name", "ResourceNotFoundException"),
    ] },
    Differences { because: "it fails with HTTP 500 at the highest hash", rows: &[
        ("placement", "ends early"),
    ] },
    Differences { because: "it checks an entry only when those before it are written", rows: &[
        ("a refused batch writes nothing", "1"),
    ] },
    Differences { because: "a batch may have less than 10 MiB", rows: &[
        ("a batch of 10 MiB", "InvalidArgumentException"),
        ("a batch of 10 MiB in eleven records", "InvalidArgumentException"),
    ] },
    Differences { because: "its sequence numbers have another length", rows: &[
        ("sequence numbers rise", "rising true, 56 digits false"),
    ] },
    Differences { because: "it splits at a hash that AWS refuses, so that the shards are others from there on", rows: &[
        ("a refused split changes nothing", "0 of [] closed, 1 of [] open, 2 of [0] open, 3 of [0] open"),
        ("a split", "InvalidArgumentException"),
        ("merges", "ends early"),
        ("a split shard", "a b c d e h i"),
        ("a split shard", "there is no end"),
        ("a merged shard", ""),
        ("a merged shard", "there is no end"),
        ("closed_shards", "ends early"),
    ] },
    Differences { because: "it fails with HTTP 500 at a hash of a shard that a refused split has closed", rows: &[
        ("splits", "ends early"),
    ] },
    Differences { because: "it fails without a ShardCount", rows: &[
        ("a merge of the higher with the lower", "InvalidArgumentException"),
    ] },
    Differences { because: "it does not know ExclusiveStartShardId of DescribeStream", rows: &[
        ("a page of a description", "00 01 more true"),
    ] },
    Differences { because: "it does not know DryRun", rows: &[
        ("a dry run", "ok"),
        ("a dry run of a batch", "ok"),
        ("a dry run with a bad key", "ok"),
        ("a dry run writes nothing", "3"),
        ("a dry run of an iterator", "ok"),
        ("a dry run of a read", "ok"),
    ] },
    Differences { because: "it does not know ExclusiveStartTagKey", rows: &[
        ("tags are listed after a key", "a=1 b=é 3 more false"),
    ] },
    Differences { because: "the tags that AWS refuses are there", rows: &[
        ("removed tags are gone", "=1 aws:c=1 b=é 3 c=#…"),
    ] },
    Differences { because: "it does not know Tags of CreateStream", rows: &[
        ("a stream begins with its tags", ""),
    ] },
    Differences { because: "it has no such operation", rows: &[
        ("tags by ARN", "http 500"),
        ("tags are listed by ARN", "http 500"),
        ("tags are removed by ARN", "http 500"),
        ("tags removed by ARN are gone", "http 500"),
        ("tags of no stream by ARN", "http 500"),
        ("tags of what is no ARN", "http 500"),
        ("a record size below 1 MiB", "http 500"),
        ("a record size above 10 MiB", "http 500"),
        ("a record size of 2 MiB", "http 500"),
        ("the settings of the account", "http 500"),
        ("a subscription begins with the oldest record", "http 500"),
        ("a subscription soon after another", "http 500"),
        ("a subscription to another shard", "http 500"),
        ("a subscription to no shard", "http 500"),
    ] },
    Differences { because: "it does not know MaxRecordSizeInKiB", rows: &[
        ("the record size is described", "None"),
    ] },
    Differences { because: "a put does not say that the stream is encrypted", rows: &[
        ("a put says that it is encrypted", "None"),
    ] },
    Differences { because: "it counts streams by other rules", rows: &[
        ("the limits of the account", "shards false, on demand false of 50"),
    ] },
    Differences { because: "its consumer ARNs have no time of creation", rows: &[
        ("registration", "ends early"),
    ] },
    Differences { because: "the consumers that AWS refuses are there", rows: &[
        ("the other consumers follow", "19 more false"),
    ] },
    Differences { because: "it does not count consumers", rows: &[
        ("consumers are counted", "None"),
    ] },
    Differences { because: "the row before has deleted it", rows: &[
        ("a stream is deleted with its consumers", "ResourceNotFoundException"),
    ] },
];

/// Rows that differ in some runs.
#[rustfmt::skip]
pub const SOMETIMES: &[Differences] = &[Differences {
    because: "its threads race: reads and writes beside writes fail with HTTP 500, and records are lost or change places",
    rows: &[
        ("tail", "ends early"),
        ("a tailing reader sees all of 8 writers", "…"),
        ("each key's records come in their order", "false"),
    ],
}];
