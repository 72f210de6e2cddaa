import * as convert from 'tpa-wasm/convert';
import * as webgpu from 'tpa-wasm/webgpu';
import * as main from 'tpa-wasm';
import { type Block, filesOf, read, ROOT } from './blocks.ts';

const IMPORT = /^import [^;]*;\n/gm;
const EXPORT = /^export (?:async )?(?:function|class|const) (\w+)/gm;
/** A value, and a comment that says which: `cache.length; // 1`. */
const CLAIM =
  /^( *)(?!const |let |using )([^\n]+); \/\/ ('[^\n]*'|[\d.]+|\[[^\n]*\]|\{[^\n]*\})$/gm;

/** What examples may take as given, in a module of its own. */
export const GIVEN = {
  file: './given.mts',
  names: ['model', 'session', 'generation', 'runtime'],
  code: `import { createRuntime, loadModel } from 'tpa-wasm';
export const model = await loadModel('models/t6-stories.gguf');
export const session = model.createSession();
export const generation = model.createSession().generate('Once', { maxTokens: 8 });
export const runtime = await createRuntime();
`,
};

/**
 * Blocks as one program: each sees the names of those before it and may take them anew, and what a
 * comment claims has to be so.
 */
export function programOf(blocks: readonly Block[]): string {
  const imports = new Set(blocks.flatMap(({ code }) => code.match(IMPORT) ?? []));
  const bodies = blocks.map(({ code }) => code.replaceAll(IMPORT, ''));
  const nested = bodies.reduceRight((inner, body) => `{\n${body}\n${inner}}\n`, '');
  const checked = nested.replaceAll(CLAIM, '$1_claim($2, $3);');
  if (checked !== nested)
    imports.add(`import { deepEqual as _claim } from 'node:assert/strict';\n`);
  return [...imports, checked].join('');
}

/** An example with the imports that its names need. */
export function exampleProgram(example: Block): string {
  const names = new Set(example.code.match(/(?<![.'\w])[A-Za-z]\w+/g));
  const imports = [...names].flatMap((name) => {
    const from = MODULES.get(name);
    return from === undefined ? [] : [`import { ${name} } from '${from}';\n`];
  });
  return [...imports, programOf([example])].join('');
}

/** The module that has a name: the package where it is public, else its file. */
const MODULES: ReadonlyMap<string, string> = new Map([
  ...filesOf('src', '.ts')
    .filter((file) => !file.startsWith('src/cli/'))
    .flatMap((file) =>
      [...read(file).matchAll(EXPORT)].map(([, name]) => [name!, `${ROOT}${file}`] as const),
    ),
  ...Object.keys(webgpu).map((name) => [name, 'tpa-wasm/webgpu'] as const),
  ...Object.keys(convert).map((name) => [name, 'tpa-wasm/convert'] as const),
  ...Object.keys(main).map((name) => [name, 'tpa-wasm'] as const),
  ...GIVEN.names.map((name) => [name, GIVEN.file] as const),
]);
