import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Order tiers on Kafka Streams, exactly once. With `--forever 1` until it is stopped, every event emitting. */
public final class KafkaStreamsTiers {
  private KafkaStreamsTiers() {}

  static final class Work implements Processor<byte[], byte[], byte[], byte[]> {
    private final boolean isAlways;
    private final Tiers.Order order = new Tiers.Order();
    private final Tiers.Result result = new Tiers.Result();
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> store;

    Work(boolean isAlways) {
      this.isAlways = isAlways;
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      this.store = context.getStateStore("tiers");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      Tiers.parse(record.value(), order);
      Tiers.update(store.get(record.key()), order.cents, order.day, result);
      store.put(record.key(), result.state);
      if (isAlways || result.from != result.to) {
        context.forward(record.withValue(Tiers.encode(order.customer, order.occurredAt, result)));
        Progress.EMITTED.incrementAndGet();
      }
      Progress.processed();
    }
  }

  public static void main(String[] words) throws Exception {
    String brokers = Tiers.option(words, "brokers", "127.0.0.1:9092");
    String input = Tiers.option(words, "in", "orders");
    String name = Tiers.option(words, "name", "kafka-streams");
    String output = Tiers.option(words, "out", name + "-out");
    boolean isForever = Tiers.option(words, "forever", "0").equals("1");
    boolean isRocks = Tiers.option(words, "store", "memory").equals("rocksdb");

    Properties settings = new Properties();
    settings.put("application.id", name);
    settings.put("bootstrap.servers", brokers);
    settings.put("processing.guarantee", "exactly_once_v2");
    settings.put("commit.interval.ms", Tiers.option(words, "commit", "100"));
    settings.put("num.stream.threads", Tiers.option(words, "threads", "1"));
    settings.put("state.dir", Tiers.option(words, "state", "state"));
    settings.put("auto.offset.reset", "earliest");
    settings.put("replication.factor", "1");
    settings.put("statestore.cache.max.bytes", "0");
    if (isForever) {
      settings.put("producer.linger.ms", "0");
    } else {
      settings.put("max.poll.records", "10000");
      settings.put("buffered.records.per.partition", "10000");
      settings.put("max.partition.fetch.bytes", "4194304");
      settings.put("producer.batch.size", "262144");
      settings.put("producer.buffer.memory", "134217728");
    }

    var supplier =
        isRocks ? Stores.persistentKeyValueStore("tiers") : Stores.inMemoryKeyValueStore("tiers");
    Topology topology = new Topology();
    topology.addSource("in", new ByteArrayDeserializer(), new ByteArrayDeserializer(), input);
    topology.addProcessor("work", () -> new Work(isForever), "in");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(supplier, Serdes.ByteArray(), Serdes.ByteArray())
            .withLoggingEnabled(Map.of())
            .withCachingDisabled(),
        "work");
    topology.addSink("out", output, new ByteArraySerializer(), new ByteArraySerializer(), "work");

    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers));
        KafkaStreams streams = new KafkaStreams(topology, settings)) {
      if (!isForever) {
        Progress.total = Progress.ends(admin, input, IsolationLevel.READ_UNCOMMITTED);
      }
      streams.start();
      if (isForever) {
        Thread.sleep(Long.MAX_VALUE);
      }
      Progress.awaitGroup(admin, input, name, name);
      streams.close(Duration.ofSeconds(20));
    }
    System.exit(0);
  }
}
