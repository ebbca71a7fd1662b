import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The work of order tiers, the same for all peers: read an order, update the customer's state, write a change. */
public final class Tiers {
  /** A tier is reached from so many cents in 90 days on; tier 0 lies below the first. */
  static final long[] TIER_FROM_CENTS = {100_000L, 1_000_000L, 5_000_000L};

  static final int WINDOW_DAYS = 90;

  /** State: lifetime cents i64, orders i32, last day i32, tier i8; then for each open day: day i32, cents i64. */
  static final int HEAD = 8 + 4 + 4 + 1;

  static final int SLOT = 4 + 8;
  static final VarHandle I64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  static final VarHandle I32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
  static final JsonFactory JSON = JsonFactory.builder().build();

  private Tiers() {}

  public static final class Order {
    public String customer;
    public String occurredAt;
    public long cents;
    public int day;
  }

  public static final class Result {
    public byte[] state;
    public int from;
    public int to;
    public long spendCents;
  }

  public static void parse(byte[] value, Order order) {
    order.customer = null;
    order.occurredAt = null;
    order.cents = -1;
    try (JsonParser parser = JSON.createParser(value)) {
      parser.nextToken();
      String field;
      while ((field = parser.nextFieldName()) != null) {
        parser.nextToken();
        switch (field) {
          case "customer_id" -> order.customer = parser.getText();
          case "amount" ->
              order.cents = cents(parser.getTextCharacters(), parser.getTextOffset(), parser.getTextLength());
          case "occurred_at" -> order.occurredAt = parser.getText();
          default -> parser.skipChildren();
        }
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
    if (order.customer == null || order.occurredAt == null || order.cents < 0) {
      throw new IllegalArgumentException("an order lacks a field");
    }
    order.day = day(order.occurredAt);
  }

  /** Exact, without floating point. */
  static long cents(char[] text, int offset, int length) {
    long value = 0;
    int decimals = -1;
    for (int i = offset; i < offset + length; i++) {
      char c = text[i];
      if (c == '.' && decimals < 0) {
        decimals = 0;
        continue;
      }
      if (c < '0' || c > '9' || decimals >= 2) {
        throw new IllegalArgumentException("not an amount of at most two decimals");
      }
      value = value * 10 + (c - '0');
      if (decimals >= 0) {
        decimals++;
      }
    }
    for (int i = Math.max(decimals, 0); i < 2; i++) {
      value *= 10;
    }
    return value;
  }

  /** Days since 1970-01-01 of YYYY-MM-DD..., in the proleptic Gregorian calendar. */
  static int day(String text) {
    int year = number(text, 0, 4);
    int month = number(text, 5, 7);
    int dayOfMonth = number(text, 8, 10);
    year -= month <= 2 ? 1 : 0;
    int era = year / 400;
    int yearOfEra = year - era * 400;
    int dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + dayOfMonth - 1;
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
  }

  static int number(String text, int from, int to) {
    int value = 0;
    for (int i = from; i < to; i++) {
      int digit = text.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        throw new IllegalArgumentException("not a date");
      }
      value = value * 10 + digit;
    }
    return value;
  }

  public static void update(byte[] old, long cents, int day, Result result) {
    long lifetime = cents;
    int orders = 1;
    int last = day;
    int from = 0;
    int open = 0;
    int expired = 0;
    boolean sameDay = false;
    if (old != null) {
      lifetime += (long) I64.get(old, 0);
      orders += (int) I32.get(old, 8);
      last = Math.max(last, (int) I32.get(old, 12));
      from = old[16];
      open = (old.length - HEAD) / SLOT;
      while (expired < open && (int) I32.get(old, HEAD + expired * SLOT) <= last - WINDOW_DAYS) {
        expired++;
      }
      sameDay = open > expired && (int) I32.get(old, HEAD + (open - 1) * SLOT) == day;
    }
    int kept = open - expired;
    byte[] state = new byte[HEAD + (kept + (sameDay ? 0 : 1)) * SLOT];
    if (kept > 0) {
      System.arraycopy(old, HEAD + expired * SLOT, state, HEAD, kept * SLOT);
    }
    int at = HEAD + (sameDay ? kept - 1 : kept) * SLOT;
    if (sameDay) {
      I64.set(state, at + 4, (long) I64.get(state, at + 4) + cents);
    } else {
      I32.set(state, at, day);
      I64.set(state, at + 4, cents);
    }
    long spend = 0;
    for (int slot = HEAD; slot < state.length; slot += SLOT) {
      spend += (long) I64.get(state, slot + 4);
    }
    int to = 0;
    while (to < TIER_FROM_CENTS.length && spend >= TIER_FROM_CENTS[to]) {
      to++;
    }
    I64.set(state, 0, lifetime);
    I32.set(state, 8, orders);
    I32.set(state, 12, last);
    state[16] = (byte) to;
    result.state = state;
    result.from = from;
    result.to = to;
    result.spendCents = spend;
  }

  public static byte[] encode(String customer, String occurredAt, Result result) {
    return new StringBuilder(128)
        .append("{\"customer_id\":\"").append(customer)
        .append("\",\"from\":").append(result.from)
        .append(",\"to\":").append(result.to)
        .append(",\"occurred_at\":\"").append(occurredAt)
        .append("\",\"spend_90d\":").append(result.spendCents)
        .append('}')
        .toString()
        .getBytes(StandardCharsets.UTF_8);
  }

  /** The word after `--name`, or the default. */
  public static String option(String[] words, String name, String otherwise) {
    int at = Arrays.asList(words).lastIndexOf("--" + name);
    return at >= 0 && at + 1 < words.length ? words[at + 1] : otherwise;
  }
}
