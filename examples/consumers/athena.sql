-- Firehose: from this stream to S3, "New line delimiter" enabled, with the default prefix (YYYY/MM/dd/HH/).
-- Replace BUCKET and PREFIX, and run each statement alone.

CREATE EXTERNAL TABLE event_lines (
  line string
)
PARTITIONED BY (day string)
ROW FORMAT DELIMITED FIELDS TERMINATED BY '\001'
LOCATION 's3://BUCKET/PREFIX/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '2026/01/01,NOW',
  'projection.day.interval' = '1',
  'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://BUCKET/PREFIX/${day}/'
);

-- Delivery is at least once: of each messageId, one event counts. A repeat can come on a later day, so a query reads all days.
-- To read only the days that a query names, write PARTITION BY day, message_id.
CREATE OR REPLACE VIEW events AS
SELECT day, message_id, type, event, user_id, anonymous_id, "timestamp", properties
FROM (
  SELECT *, row_number() OVER (PARTITION BY message_id ORDER BY day) AS n
  FROM (
    SELECT
      day,
      json_extract_scalar(json, '$.messageId') AS message_id,
      json_extract_scalar(json, '$.type') AS type,
      json_extract_scalar(json, '$.event') AS event,
      json_extract_scalar(json, '$.userId') AS user_id,
      json_extract_scalar(json, '$.anonymousId') AS anonymous_id,
      try(from_iso8601_timestamp(json_extract_scalar(json, '$.timestamp'))) AS "timestamp",
      json_format(json_extract(json, '$.properties')) AS properties
    FROM (SELECT day, try(from_utf8(from_base64(line))) AS json FROM event_lines)
  )
  WHERE message_id IS NOT NULL
)
WHERE n = 1;
