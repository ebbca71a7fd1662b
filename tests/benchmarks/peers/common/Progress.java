import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/** The clock: from the first record processed to the last one processed, and until all of it is committed. */
public final class Progress {
  public static final AtomicLong SEEN = new AtomicLong();
  public static final AtomicLong EMITTED = new AtomicLong();

  /** Records to process; the rate over the last 80 % leaves out the time in which the JVM warms up. */
  public static volatile long total = Long.MAX_VALUE;

  static volatile long firstNs;
  static volatile long fifthNs;
  static volatile long lastNs;
  static volatile double firstCpuS;

  private Progress() {}

  public static void processed() {
    long seen = SEEN.incrementAndGet();
    if (seen == 1) {
      firstCpuS = cpuS();
      firstNs = System.nanoTime();
    } else if (seen == total / 5) {
      fifthNs = System.nanoTime();
    } else if (seen == total) {
      lastNs = System.nanoTime();
    }
  }

  public static boolean isLast() {
    return lastNs != 0;
  }

  /** Waits until the group's committed offsets are at the input's end. */
  public static void awaitGroup(Admin admin, String topic, String group, String label) throws Exception {
    while (!isLast()) {
      Thread.sleep(5);
    }
    while (committed(admin, topic, group) < total) {
      Thread.sleep(10);
    }
    report(label);
  }

  static long committed(Admin admin, String topic, String group) throws Exception {
    long sum = 0;
    for (var entry : admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet()) {
      if (entry.getKey().topic().equals(topic) && entry.getValue() != null) {
        sum += entry.getValue().offset();
      }
    }
    return sum;
  }

  /** Flink commits its group late: waits for a checkpoint of everything, then until all output is readable. */
  public static void awaitOutput(Admin admin, String topic, String label, BooleanSupplier isCovered)
      throws Exception {
    while (!isLast() || !isCovered.getAsBoolean()) {
      Thread.sleep(2);
    }
    while (ends(admin, topic, IsolationLevel.READ_COMMITTED) < ends(admin, topic, IsolationLevel.READ_UNCOMMITTED)) {
      Thread.sleep(2);
    }
    report(label);
  }

  public static long ends(Admin admin, String topic, IsolationLevel level)
      throws ExecutionException, InterruptedException {
    var description = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
    description.partitions().forEach(p -> wanted.put(new TopicPartition(topic, p.partition()), OffsetSpec.latest()));
    long sum = 0;
    for (var end : admin.listOffsets(wanted, new ListOffsetsOptions(level)).all().get().values()) {
      sum += end.offset();
    }
    return sum;
  }

  /** One line of JSON, for the harness. */
  static void report(String label) throws IOException {
    double committedS = (System.nanoTime() - firstNs) / 1e9;
    double processedS = (lastNs - firstNs) / 1e9;
    double cpuS = cpuS();
    double lastRate = (total - total / 5) / ((lastNs - fifthNs) / 1e9);
    System.out.printf(
        "{\"label\":\"%s\",\"records\":%d,\"emitted\":%d,\"processed_s\":%.3f,\"committed_s\":%.3f,"
            + "\"rate_last80\":%.0f,\"cpu_s\":%.2f,\"cpu_from_first_s\":%.2f,\"peak_bytes\":%d}%n",
        label, total, EMITTED.get(), processedS, committedS, lastRate, cpuS, cpuS - firstCpuS, peakBytes());
    System.out.flush();
  }

  static double cpuS() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
  }

  static long peakBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) {
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
      }
    }
    return 0;
  }
}
