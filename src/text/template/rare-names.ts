const STATEMENTS = 'call|filter|generation|with';
const TESTS =
  'callable|divisibleby|escaped|even|filter|ge|greaterthan|gt|le|lessthan|lower|lt|odd|sameas|test|upper';
const FILTERS =
  'abs|attr|batch|capitalize|center|count|dictsort|e|escape|float|forceescape|groupby|indent|int|max|min|round|slice|sort|sum|title|truncate|unique|wordcount';
const METHODS =
  'copy|find|index|is(?:alnum|alpha|digit|lower|space|upper)|partition|remove(?:prefix|suffix)|rfind|rindex|rpartition|rsplit|splitlines|zfill';
const LOOP_FIELDS = 'changed|cycle|depth0?|revindex0?';

const RARE = new RegExp(
  [
    String.raw`\{%[-+]?\s*(?:${STATEMENTS})\b`,
    String.raw`\bis\s+(?:not\s+)?(?:${TESTS})\b`,
    String.raw`\|\s*(?:${FILTERS})\b`,
    String.raw`(?<!\bloop)\.\s*(?:${FILTERS}|${METHODS})\b`,
    String.raw`\.\s*(?:${LOOP_FIELDS})\b`,
    String.raw`['"](?:${TESTS}|${FILTERS}|${METHODS}|${LOOP_FIELDS}|[<>]=?)['"]`,
    String.raw`\brange\b`,
  ].join('|'),
);

/**
 * Whether a template names what few do: a name counts where it can stand, as `index` in
 * `text.index(x)`, not in `loop.index`; as a text constant, such as `map('title')`, anywhere.
 */
export function namesRare(source: string): boolean {
  return RARE.test(source);
}
