//! How AWS names things: ARNs, and regions with their partitions. Pure data and parsing; it asks nobody.

mod arn;
mod regions;

pub use arn::{Arn, is_account_id};
pub use regions::{
    PARTITIONS, Partition, Region, partition_like, partition_named, partition_of, region, regions, search,
};
