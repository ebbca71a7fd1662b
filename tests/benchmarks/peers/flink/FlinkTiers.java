import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;

/** Order tiers on Flink's local cluster, exactly once. With `--forever 1` until it is stopped, every event emitting. */
public final class FlinkTiers {
  static final TypeInformation<Tuple4<String, Long, Integer, String>> IN =
      Types.TUPLE(Types.STRING, Types.LONG, Types.INT, Types.STRING);
  static final TypeInformation<Tuple2<String, byte[]>> OUT =
      Types.TUPLE(Types.STRING, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);

  static volatile int parallelism = 1;
  static volatile boolean isCovered;

  private FlinkTiers() {}

  static final class Reading implements KafkaRecordDeserializationSchema<Tuple4<String, Long, Integer, String>> {
    private transient Tiers.Order order;

    @Override
    public void deserialize(
        ConsumerRecord<byte[], byte[]> record, Collector<Tuple4<String, Long, Integer, String>> out) {
      if (order == null) {
        order = new Tiers.Order();
      }
      Tiers.parse(record.value(), order);
      out.collect(Tuple4.of(order.customer, order.cents, order.day, order.occurredAt));
    }

    @Override
    public TypeInformation<Tuple4<String, Long, Integer, String>> getProducedType() {
      return IN;
    }
  }

  static final class Work
      extends KeyedProcessFunction<String, Tuple4<String, Long, Integer, String>, Tuple2<String, byte[]>>
      implements CheckpointedFunction, CheckpointListener {
    /** By checkpoint, in how many subtasks it was taken after the last record. */
    private static final ConcurrentHashMap<Long, AtomicInteger> FULL = new ConcurrentHashMap<>();

    private final boolean isAlways;
    private transient ValueState<byte[]> store;
    private transient Tiers.Result result;

    Work(boolean isAlways) {
      this.isAlways = isAlways;
    }

    @Override
    public void open(OpenContext context) {
      store =
          getRuntimeContext()
              .getState(
                  new ValueStateDescriptor<>("tiers", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
      result = new Tiers.Result();
    }

    @Override
    public void processElement(
        Tuple4<String, Long, Integer, String> order, Context context, Collector<Tuple2<String, byte[]>> out)
        throws Exception {
      Tiers.update(store.value(), order.f1, order.f2, result);
      store.update(result.state);
      if (isAlways || result.from != result.to) {
        out.collect(Tuple2.of(order.f0, Tiers.encode(order.f0, order.f3, result)));
        Progress.EMITTED.incrementAndGet();
      }
      Progress.processed();
    }

    @Override
    public void initializeState(FunctionInitializationContext context) {}

    @Override
    public void snapshotState(FunctionSnapshotContext context) {
      if (Progress.isLast()) {
        FULL.computeIfAbsent(context.getCheckpointId(), id -> new AtomicInteger()).incrementAndGet();
      }
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      AtomicInteger taken = FULL.get(checkpoint);
      if (taken != null && taken.get() == parallelism) {
        isCovered = true;
      }
    }
  }

  static final class Writing implements KafkaRecordSerializationSchema<Tuple2<String, byte[]>> {
    private final String topic;

    Writing(String topic) {
      this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(
        Tuple2<String, byte[]> change, KafkaSinkContext context, Long timestamp) {
      return new ProducerRecord<>(topic, null, timestamp, change.f0.getBytes(StandardCharsets.UTF_8), change.f1);
    }
  }

  public static void main(String[] words) throws Exception {
    String brokers = Tiers.option(words, "brokers", "127.0.0.1:9092");
    String input = Tiers.option(words, "in", "orders");
    String name = Tiers.option(words, "name", "flink");
    String output = Tiers.option(words, "out", name + "-out");
    boolean isForever = Tiers.option(words, "forever", "0").equals("1");
    parallelism = Integer.parseInt(Tiers.option(words, "threads", "1"));

    Configuration settings = new Configuration();
    File state = new File(Tiers.option(words, "state", "state")).getAbsoluteFile();
    settings.setString("state.backend.type", "hashmap");
    settings.setString("execution.checkpointing.interval", Tiers.option(words, "commit", "1000") + " ms");
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", state.toURI().toString());
    settings.setString("execution.checkpointing.min-pause", "0 ms");
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("execution.buffer-timeout.interval", (isForever ? 5 : 100) + " ms");
    settings.setString("taskmanager.memory.managed.size", "64m");
    settings.setString("taskmanager.memory.network.min", "128m");
    settings.setString("taskmanager.memory.network.max", "128m");

    Properties producing = new Properties();
    producing.put("transaction.timeout.ms", "600000");
    producing.put("batch.size", "262144");
    producing.put("linger.ms", isForever ? "0" : "20");

    Admin admin = Admin.create(Map.of("bootstrap.servers", brokers));
    if (!isForever) {
      Progress.total = Progress.ends(admin, input, IsolationLevel.READ_UNCOMMITTED);
    }
    StreamExecutionEnvironment flow = StreamExecutionEnvironment.createLocalEnvironment(parallelism, settings);
    KafkaSource<Tuple4<String, Long, Integer, String>> source =
        KafkaSource.<Tuple4<String, Long, Integer, String>>builder()
            .setBootstrapServers(brokers)
            .setTopics(input)
            .setGroupId(name)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new Reading())
            .setProperty("max.poll.records", "10000")
            .setProperty("max.partition.fetch.bytes", "4194304")
            .build();
    KafkaSink<Tuple2<String, byte[]>> sink =
        KafkaSink.<Tuple2<String, byte[]>>builder()
            .setBootstrapServers(brokers)
            .setRecordSerializer(new Writing(output))
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(name)
            .setKafkaProducerConfig(producing)
            .build();
    flow.fromSource(source, WatermarkStrategy.noWatermarks(), "in")
        .keyBy(order -> order.f0, Types.STRING)
        .process(new Work(isForever))
        .returns(OUT)
        .sinkTo(sink);
    flow.executeAsync("tiers");
    if (isForever) {
      Thread.sleep(Long.MAX_VALUE);
    }
    Progress.awaitOutput(admin, output, name, () -> isCovered);
    Runtime.getRuntime().halt(0);
  }
}
