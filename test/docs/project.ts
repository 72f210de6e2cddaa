import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildAdapter } from '../helpers/adapters/build-adapter.ts';
import { chatGguf } from '../helpers/files/chat-gguf.ts';
import { writeTalkingT6 } from '../helpers/sessions/talking-t6.ts';
import { byteLevelMetadata } from '../helpers/files/gguf-vocabulary.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';
import { ROOT } from './blocks.ts';

/** The longest of them generates 256 tokens in 2 s. */
const DEADLINE = 300_000;
const TSX = pathToFileURL(`${ROOT}node_modules/tsx/dist/esm/index.mjs`).href;

const TSCONFIG = {
  compilerOptions: {
    allowJs: true,
    checkJs: true,
    rewriteRelativeImportExtensions: false,
    // what readers copy goes on, and says no types of parameters
    noUnusedLocals: false,
    noImplicitAny: false,
    // the types of what sources import by names of the package: else it is the scripts, checked
    paths: {
      '#wasm': [`${ROOT}src/wasm/delivery/imports.d.ts`],
      '#cache': [`${ROOT}src/download/cache/imports.d.ts`],
      '#worker': [`${ROOT}src/worker/start/imports.d.ts`],
    },
  },
  extends: `${ROOT}tsconfig.json`,
  include: ['*.mjs', '*.mts'],
};

const QUESTION = { context: 'Snow is', choices: ['white', 'loud'], answer: 0 };

/** A folder in which what the documentation says can be done: the package, its model, a checkpoint. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'tpa-docs-'));

  constructor() {
    this.link('node_modules/tpa-wasm', '.');
    this.link('node_modules/@types/node', 'node_modules/@types/node');
    this.link('dist', 'dist');
    this.link('models/t6-stories.gguf', 'models/t6-stories.gguf');
    this.link('site/models/t6-stories.gguf', 'models/t6-stories.gguf');
    this.link('site/tpa-wasm', 'dist/standalone');
    // the types of what pages import from there
    this.write('tpa-wasm/index.js', "export * from 'tpa-wasm/standalone';\n");
    writeTalkingT6(join(this.folder, 'my-model'));
    this.write('llama.gguf', chatGguf(byteLevelMetadata()));
    const { config, weights } = buildAdapter(llamaVariant('llama-gqa').build().tensors, {
      has: (path) => path.startsWith('model.layers.'),
    }).source;
    this.write('adapter/adapter_config.json', JSON.stringify(config));
    this.write('adapter/adapter_model.safetensors', weights);
    this.write('questions.jsonl', JSON.stringify(QUESTION));
    // not tsconfig.json, whose paths tsx would follow too
    this.write('types.json', JSON.stringify(TSCONFIG));
  }

  write(path: string, content: string | Uint8Array): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  /** Runs a program by Node. @throws Error with what it wrote to stderr */
  node(args: readonly string[], input = ''): void {
    const options = { cwd: this.folder, input, timeout: DEADLINE, stdio: 'pipe' } as const;
    execFileSync(process.execPath, args, options);
  }

  /** The same of a program in TypeScript. */
  tsx(args: readonly string[]): void {
    this.node(['--import', TSX, ...args]);
  }

  /** Checks the types of every program. @throws Error with tsc's findings */
  checkTypes(): void {
    try {
      this.node([
        `${ROOT}node_modules/typescript/bin/tsc`,
        '-p',
        'types.json',
        '--pretty',
        'false',
      ]);
    } catch (error) {
      throw new Error(String((error as { stdout?: Buffer }).stdout), { cause: error });
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private link(path: string, target: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    symlinkSync(join(ROOT, target), join(this.folder, path));
  }
}
