const BLOCK = /\{#[\s\S]*?#\}|\{[{%][\s\S]*?[}%]\}/g;
const LITERAL = `'(?:[^'\\\\]|\\\\.)*'|"(?:[^"\\\\]|\\\\.)*"`;
const METHODS =
  'r?split|r?partition|startswith|endswith|removeprefix|removesuffix|r?find|r?index|count|replace|[lr]?strip';
const SEARCHED = new RegExp(
  `(\\.(?:${METHODS})\\(\\s*|\\|\\s*(?:replace|trim)\\(\\s*)(${LITERAL})|(${LITERAL})(?=\\s+(?:not\\s+)?in\\b)`,
  'g',
);

/**
 * The source of a template with its constants replaced where it looks for them in other text, as in
 * `content.split('</think>')`; where it writes them they stay as they are.
 */
export function replaceSearched(source: string, replace: (literal: string) => string): string {
  return source.replaceAll(BLOCK, (block) =>
    block.replaceAll(
      SEARCHED,
      (_, call: string | undefined, argument: string | undefined, operand: string | undefined) =>
        (call ?? '') + replace(argument ?? operand ?? ''),
    ),
  );
}
