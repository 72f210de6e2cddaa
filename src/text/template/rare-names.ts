/** Filters, tests, methods, statements and fields of `loop` that few templates name. */
const NAMES =
  'abs|attr|batch|call|callable|capitalize|center|changed|copy|count|cycle|depth|depth0|dictsort|divisibleby|e|escape|escaped|even|filter|find|float|forceescape|generation|groupby|indent|int|isalnum|isalpha|isdigit|islower|isspace|isupper|max|min|odd|partition|removeprefix|removesuffix|revindex|revindex0|rfind|rindex|round|rpartition|rsplit|sameas|slice|sort|splitlines|sum|test|title|truncate|unique|with|wordcount|zfill';

/** Names where they can stand: those that others share, such as `loop.index`, in one place alone. */
const RARE = new RegExp(
  String.raw`(?:[|.]|\{%[-+]?|\bis(?:\s+not)?)\s*(?:${NAMES})\b|['"](?:${NAMES}|index|lower|upper)['"]|(?<!\bloop)\.\s*index\b|\bis\s+(?:not\s+)?(?:lower|upper)\b|namespace\(\s*(?!\)|\w+\s*=)|\b(?:range|dict|caller|kwargs|varargs)\b`,
);

/** Whether a template names what few do; now and then wrong about what it only writes. */
export function namesRare(source: string): boolean {
  return RARE.test(source);
}
