// Maven: software.amazon.kinesis:amazon-kinesis-client:3.5.1, and a binding for SLF4J such as org.slf4j:slf4j-simple.
//
// The KCL shares the shards among all processes with the same APPLICATION. It keeps leases and positions in DynamoDB tables
// of that name and its metrics in CloudWatch, so it needs permissions for both.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.common.StreamIdentifier;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.KinesisClientLibRetryableException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public class Consumer implements ShardRecordProcessor {
    private static final String APPLICATION = "events-consumer";
    private static final String STREAM = "events";
    private static final Region REGION = Region.of("eu-west-1");
    private static final int SEEN_MAX = 100_000;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Logger LOG = LoggerFactory.getLogger(Consumer.class);

    // The messageIds of the shard's latest events.
    private final Set<String> seen = Collections.newSetFromMap(new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > SEEN_MAX;
        }
    });

    public static void main(String[] args) {
        KinesisAsyncClient kinesis =
            KinesisClientUtil.createKinesisAsyncClient(KinesisAsyncClient.builder().region(REGION));
        DynamoDbAsyncClient dynamo = DynamoDbAsyncClient.builder().region(REGION).build();
        CloudWatchAsyncClient cloudWatch = CloudWatchAsyncClient.builder().region(REGION).build();
        SingleStreamTracker stream = new SingleStreamTracker(
            StreamIdentifier.singleStreamInstance(STREAM),
            InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON));
        String worker = UUID.randomUUID().toString();
        ConfigsBuilder configs =
            new ConfigsBuilder(stream, APPLICATION, kinesis, dynamo, cloudWatch, worker, Consumer::new);
        Scheduler scheduler = new Scheduler(
            configs.checkpointConfig(),
            configs.coordinatorConfig(),
            configs.leaseManagementConfig(),
            configs.lifecycleConfig(),
            configs.metricsConfig(),
            configs.processorConfig(),
            configs.retrievalConfig().retrievalSpecificConfig(new PollingConfig(STREAM, kinesis)));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                scheduler.startGracefulShutdown().get(20, TimeUnit.SECONDS);
            } catch (Exception error) {
                LOG.warn("The shutdown was not graceful: some records will be read again", error);
            }
        }));
        scheduler.run();
    }

    /** Your code. If it throws, it is called again with the same event. */
    private static void handle(JsonNode event) {
        System.out.println(event);
    }

    private static List<JsonNode> eventsIn(KinesisClientRecord record) throws IOException {
        String data = StandardCharsets.UTF_8.decode(record.data()).toString();
        return List.of(JSON.readTree(Base64.getDecoder().decode(data)));
    }

    @Override
    public void initialize(InitializationInput input) {
        LOG.info("Reading {}", input.shardId());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
        // Nothing may be thrown out of here: the KCL would skip the rest of these records.
        try {
            for (KinesisClientRecord record : input.records()) {
                read(record);
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            return;
        }
        checkpoint(input.checkpointer());
    }

    private void read(KinesisClientRecord record) throws InterruptedException {
        List<JsonNode> events;
        try {
            events = eventsIn(record);
            if (!events.stream().allMatch(event -> event.hasNonNull("messageId"))) {
                throw new IOException("no messageId");
            }
        } catch (IOException | IllegalArgumentException error) {
            LOG.error("Skipped record {}, which is no event", record.sequenceNumber(), error);
            return;
        }
        for (JsonNode event : events) {
            // Delivery is at least once. In memory, so across restarts only a unique key in your store helps.
            String messageId = event.get("messageId").asText();
            if (!seen.contains(messageId)) {
                handleUntilDone(event);
                seen.add(messageId);
            }
        }
    }

    private static void handleUntilDone(JsonNode event) throws InterruptedException {
        while (true) {
            try {
                handle(event);
                return;
            } catch (RuntimeException error) {
                LOG.error("Event {} is tried again", event.get("messageId"), error);
                Thread.sleep(1_000);
            }
        }
    }

    private static void checkpoint(RecordProcessorCheckpointer checkpointer) {
        try {
            checkpointer.checkpoint();
        } catch (ShutdownException error) {
            LOG.info("Another worker has the shard now");
        } catch (InvalidStateException | KinesisClientLibRetryableException error) {
            LOG.warn("No checkpoint: some records may be read again", error);
        }
    }

    @Override
    public void leaseLost(LeaseLostInput input) {}

    @Override
    public void shardEnded(ShardEndedInput input) {
        checkpoint(input.checkpointer());
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
        // The position of all that was handled is stored.
    }
}
