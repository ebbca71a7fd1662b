"""Where things lie: words of a customer's row, codes of the plan's programs, codes of outputs.

Plain integers, shared by the planner, the compiled kernel and the code that reads what the kernel wrote.
"""

from __future__ import annotations

#: Stands for a missing integer, money, string or boolean, and for an instant that never was.
ABSENT = -(2**63)
#: A period that never comes.
NEVER = 2**31 - 1
#: A period that has always come: the dimension is looked at by the very next evaluation.
AT_ONCE = -(2**31)
#: Integers beyond this are missing (S6.3).
LIMIT = 2**62

# --- a customer's row: 64-bit words ---
AS_OF = 0  # period up to which time is worked through; ABSENT while the customer is not known
INSTANT = 1  # the latest instant any evaluation used, microseconds
LIFE = 2  # the life that goes on, or that the next event would begin
ERASED_AT = 3  # instant of the erasure marker, or ABSENT
IDS = 4  # slab of remembered event ids
TICKS = 5  # how many of the engine's ticks the row has seen
ROW_HEAD = 6

# --- a dimension's block in the row ---
CATEGORY = 0  # index of the category, -1 before birth
ENTERED = 1  # period in which it was entered
ENTERED_US = 2  # instant of the last change
COUNT = 3  # number of changes so far
EARNED = 4  # earned rank (S8)
PENDING_TARGET = 5  # target of the pending move, -1 if none
PENDING_SINCE = 6
PENDING_UNTIL = 7
OVERRIDE = 8  # slab of the override, 0 if there never was one
DUE = 9  # earliest period at which this dimension could change without an event
BLOCK = 10

# --- an override's slab ---
OVERRIDE_MODE = 0  # 0 released, 1 pin, 2 floor
OVERRIDE_CATEGORY = 1
OVERRIDE_UNTIL = 2  # first period at which it is over
OVERRIDE_AT = 3  # occurred_at of the assignment or release
OVERRIDE_ACTOR = 4  # interned string
OVERRIDE_REASON = 5
OVERRIDE_WORDS = 6
MODE_PIN = 1
MODE_FLOOR = 2

# --- an attribute's words in the row ---
ATTRIBUTE_VALUE = 0
ATTRIBUTE_AT = 1
ATTRIBUTE_WORDS = 2

# --- scratch of the kernel (`Work`): the moment that is evaluated, the event in hand, then the tables ---
(
    NOW_STAMP,  # number of the evaluation
    NOW_PERIOD,
    NOW_CATEGORY,  # category of the dimension being evaluated, in the flat table; -1 before birth
    NOW_ENTERED,  # its period of entry
    NOW_HORIZON,  # of the target last found
    NOW_REASON_CURRENT,  # reason of the current category's condition
    NOW_REASON_TARGET,  # and of the target's
    NOW_CUSTOMER,
    NOW_CAUSE,
    NOW_EVENT,  # event of the batch, -1 for time
    NOW_INPUT,  # position of the input
    NOW_EVALUATION,  # line of the evaluation that the changes of this moment share, -1 before there is one
    EVENT_TYPE,
    EVENT_LABEL,
    EVENT_INSTANT,
    EVENT_PERIOD,
    EVENT_KEY,  # what stands for its id; never 0
    EVENT_FIELDS,  # 1, then the values of the three columns
    EVENT_V1,
    EVENT_V2,
    EVENT_V3,
    EVENT_CONTROL,  # line of the batch's controls, or -1
    EVENT_ATTRIBUTES,  # first of its attributes
    EVENT_ATTRIBUTES_END,
    EVENT_ID_PLACE,  # word of the pool where its id is remembered, or -1
    BELL,  # not 0 while somebody waits to look at the state: set from outside, at any time
    WORK_METRICS,  # where the metrics begin; views and the stack follow
) = range(27)
# by metric: value, earliest period at which it could be another one, evaluation that computed it
METRIC_VALUE, METRIC_UNTIL, METRIC_STAMP, METRIC_WORDS = range(4)
# by view: entries inside the window, evaluation that looked
VIEW_LOW, VIEW_HIGH, VIEW_STAMP, VIEW_WORDS = range(4)
# by entry of the stack: value and until
STACK_WORDS = 2

# --- the ledger of the state: pool words used, words of the largest slab, ticks so far; free lists ---
LEDGER_USED, LEDGER_LARGEST, LEDGER_TICKS, LEDGER_FREE = range(4)

# --- a slab reference: offset in words << 32 | used entries << 8 | log2 of capacity; 0 is none ---
SLAB_CLASSES = 24

# --- an entry of a fact ring ---
ENTRY_PERIOD = 0
ENTRY_COUNT = 1  # cumulative number of facts
ENTRY_HEAD = 2

# --- what a column of a ring, or a cell of the row, keeps of a field ---
(
    KEEP_SUM,
    KEEP_HIGH,
    KEEP_COUNT,
    KEEP_DAYS,
    KEEP_MIN,
    KEEP_MAX,
    KEEP_FIRST,
    KEEP_LAST,
    KEEP_RECENT,
    KEEP_EARLIEST,
) = range(10)
#: Where sums of money could wrap, the parts of the amounts above these bits are summed up beside them.
HIGH_BITS = 32
#: A sum of high parts beyond this belongs to a sum beyond `LIMIT`, and up to it the sum has not wrapped. True
#: of fewer than 2^28 facts on either side, since their low parts come to less than 2^60.
HIGH_LIMIT = 2**30 + 2**28

# --- how a metric is computed ---
(
    METRIC_WINDOW,
    METRIC_WINDOW_AVG,
    METRIC_WINDOW_MIN,
    METRIC_WINDOW_MAX,
    METRIC_CELL,
    METRIC_CELL_AVG,
    METRIC_SINCE,
    METRIC_DERIVED,
) = range(8)

# --- windows ---
(
    WINDOW_DAYS,
    WINDOW_THIS_MONTH,
    WINDOW_LAST_MONTH,
    WINDOW_THIS_QUARTER,
    WINDOW_LAST_QUARTER,
    WINDOW_THIS_YEAR,
    WINDOW_LAST_YEAR,
) = range(7)

# --- comparisons ---
EQ, NE, LT, LE, GT, GE = range(6)

# --- instructions ---
(
    PUSH_I,
    PUSH_F,
    PUSH_METRIC_I,
    PUSH_METRIC_F,
    PUSH_ATTRIBUTE_I,
    PUSH_ATTRIBUTE_F,
    PUSH_CURRENT,
    PUSH_DAYS_IN,
    PUSH_DIMENSION,
    INTEGER_TO_F,
    MONEY_TO_F,
    SCALE,
    ADD_I,
    SUB_I,
    MUL_I,
    NEG_I,
    MIN_I,
    MAX_I,
    ADD_F,
    SUB_F,
    MUL_F,
    DIV_F,
    NEG_F,
    MIN_F,
    MAX_F,
    COMPARE_I,
    COMPARE_F,
    COMPARE_SCALED,
    IN_I,
    IN_F,
    TRUTH,
    NOT,
    MISSING_I,
    MISSING_F,
    JUMP_FALSE,
    JUMP_TRUE,
    MERGE_AND,
    MERGE_OR,
    COMPARE_DAYS,
    COMPARE_WINDOW,
    COMPARE_METRIC_I,
    COMPARE_METRIC_F,
    IF_KNOWN,
    STORE_I,
    STORE_F,
) = range(45)

# --- the head of the outputs: lines used and counters, where each table begins, how many lines it holds ---
USED_EVALUATIONS, USED_CHANGES, USED_NOTICES, USED_ERASURES, USED_REJECTIONS = range(5)
OUT_COUNTERS = 5  # counter c: OUT_COUNTERS + c
OUT_FIRST = 10  # where the lines of table t begin: OUT_FIRST + t
OUT_LINES = 15  # how many there is room for: OUT_LINES + t
OUT_HEAD = 20
ERASURE_WORDS = 5  # event, row, life, instant, position
REJECTION_WORDS = 2  # event, code

# --- causes and directions, in the words of S9.1 by position ---
CAUSES = ("event", "time", "override", "rules", "merge")
CAUSE_EVENT, CAUSE_TIME, CAUSE_OVERRIDE, CAUSE_RULES, CAUSE_MERGE = range(5)
NOTICE_STATES = ("started", "updated", "cancelled")
STARTED, UPDATED, CANCELLED = range(3)

# --- columns of an emitted evaluation (`evaluations`), then the metrics, attributes and categories ---
EVALUATION_ROW = 0
EVALUATION_EVENT = 1  # index of the event in the batch, -1 for time
EVALUATION_LIFE = 2
EVALUATION_INSTANT = 3
EVALUATION_INPUT = 4  # position of the input that made it
EVALUATION_PERIOD = 5
EVALUATION_HEAD = 6

# --- columns of an emitted change ---
(
    CHANGE_EVALUATION,
    CHANGE_DIMENSION,
    CHANGE_FROM,
    CHANGE_TO,
    CHANGE_TARGET,
    CHANGE_SEQUENCE,
    CHANGE_PREVIOUS_US,
    CHANGE_CAUSE,
    CHANGE_REASON_CURRENT,  # reason of the current category's condition, -1 if none
    CHANGE_REASON_TARGET,  # reason of the target's
    CHANGE_DAYS_IN,
    CHANGE_ACTOR,
    CHANGE_REASON,
) = range(13)
CHANGE_WORDS = 13

# --- columns of an emitted notice ---
(
    NOTICE_ROW,
    NOTICE_DIMENSION,
    NOTICE_LIFE,
    NOTICE_STATE,
    NOTICE_FROM,
    NOTICE_TO,
    NOTICE_SINCE,
    NOTICE_UNTIL,
    NOTICE_INSTANT,
    NOTICE_SEQUENCE,
    NOTICE_INPUT,
) = range(11)
NOTICE_WORDS = 11

# --- kinds of a reason, four to a category: rule = (category in the flat table) * 6 + kind ---
REASON_ENTER, REASON_KEEP, REASON_WHEN, REASON_OTHERWISE, REASON_PIN, REASON_FLOOR = range(6)
REASON_KINDS = 6
REASON_WORDS = ("enter", "keep", "when", "otherwise", "pin", "floor")

# --- why a batch stopped before its end ---
DONE, NEED_POOL, NEED_OUTPUT, RUNG = range(4)

# --- counters the kernel keeps ---
COUNTED_APPLIED, COUNTED_DUPLICATE, COUNTED_LATE, COUNTED_EVALUATIONS, COUNTED_BORN = range(5)
COUNTERS = 5
