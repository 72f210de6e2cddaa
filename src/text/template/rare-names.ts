/** Filters, tests, methods, statements and fields of `loop` that few templates name. */
const NAMES =
  'abs|attr|batch|call(?:able)?|capitalize|center|changed|copy|count|cycle|depth0?|dictsort|divisibleby|e|escaped?|even|filter|find|float|forceescape|ge|generation|greaterthan|groupby|gt|indent|int|is(?:alnum|alpha|digit|lower|space|upper)|le|lessthan|lt|max|min|odd|partition|remove(?:prefix|suffix)|revindex0?|rfind|rindex|round|rpartition|rsplit|sameas|slice|sort|splitlines|sum|test|title|truncate|unique|with|wordcount|zfill';

/** Names where they can stand: those that others share, such as `loop.index`, in one place alone. */
const RARE = new RegExp(
  [
    String.raw`(?:\{%[-+]?|\||\.|\bis|\bis\s+not)\s*(?:${NAMES})\b`,
    String.raw`\bis\s+(?:not\s+)?(?:lower|upper)\b|(?<!\bloop)\.\s*index\b`,
    String.raw`['"](?:${NAMES}|index|lower|upper|[<>]=?)['"]`,
    String.raw`\b(?:range|dict|caller|kwargs|varargs)\b|namespace\(\s*(?!\)|\w+\s*=)`,
  ].join('|'),
);

/** Whether a template names what few do; wrong where it names that in what it only writes. */
export function namesRare(source: string): boolean {
  return RARE.test(source);
}
