-- Flink 1.20 or newer, with flink-sql-connector-aws-kinesis-streams 5 or newer.

-- For how long a messageId is remembered.
SET 'table.exec.state.ttl' = '1 d';

CREATE TABLE records (
  `data` STRING,
  `arrived` AS PROCTIME()
) WITH (
  'connector' = 'kinesis',
  'stream.arn' = 'arn:aws:kinesis:eu-west-1:ACCOUNT_ID:stream/events',
  'aws.region' = 'eu-west-1',
  'source.init.position' = 'TRIM_HORIZON',
  'format' = 'raw'
);

-- FROM_BASE64 ends the job if a record is not base64.
CREATE VIEW texts AS
SELECT
  CASE
    WHEN REGEXP(`data`, '^(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$') THEN FROM_BASE64(`data`)
  END AS `json`,
  `arrived`
FROM records;

-- A record that is no event has no messageId, and is left out.
CREATE VIEW deliveries AS
SELECT
  JSON_VALUE(`json`, '$.messageId') AS `messageId`,
  JSON_VALUE(`json`, '$.type') AS `type`,
  JSON_VALUE(`json`, '$.event') AS `event`,
  JSON_VALUE(`json`, '$.userId') AS `userId`,
  JSON_VALUE(`json`, '$.anonymousId') AS `anonymousId`,
  JSON_VALUE(`json`, '$.timestamp') AS `timestamp`,
  JSON_QUERY(`json`, '$.properties') AS `properties`,
  `arrived`
FROM texts
WHERE JSON_VALUE(`json`, '$.messageId') IS NOT NULL;

-- Delivery is at least once: of each messageId, the first event counts.
CREATE VIEW events AS
SELECT `messageId`, `type`, `event`, `userId`, `anonymousId`, `timestamp`, `properties`
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `messageId` ORDER BY `arrived` ASC) AS `n` FROM deliveries
)
WHERE `n` = 1;

SELECT * FROM events;
