/*
 * node assets.js [MODEL [BYTES]]: copies a model to assets/model/, a GGUF file with all of its parts or
 * a folder's files. Cloudflare takes no file above 25 MiB: larger weights of a folder become shards of
 * whole tensors, which loadModel reads as well.
 */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

const SHIPPED = 'node_modules/tpa-wasm/models/t6-stories.gguf';
const [model = SHIPPED, maxBytes = 24 * 2 ** 20] = process.argv.slice(2);
const WEIGHTS = 'model.safetensors';
const OUT = 'assets/model';

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
if (/\.gguf$/i.test(model)) copyGguf();
else copyFolder();

function copyGguf() {
  const [stem] = basename(model).split(/-\d{5}-of-\d{5}\.gguf$/i);
  const isPart = (file) =>
    file.startsWith(stem) && /^-\d{5}-of-\d{5}\.gguf$/i.test(file.slice(stem.length));
  for (const file of readdirSync(dirname(model))) {
    if (file !== basename(model) && !isPart(file)) continue;
    const { size } = statSync(join(dirname(model), file));
    if (size > maxBytes) {
      const cure = `npx tpa convert ${model} --out parts.gguf --shard-size 24MB`;
      throw new Error(`${file} has ${size} bytes: cut it, with ${cure}`);
    }
    copyFileSync(join(dirname(model), file), `${OUT}/${file}`);
  }
}

function copyFolder() {
  for (const file of readdirSync(model)) {
    if (/\.(json|jinja|safetensors)$/.test(file))
      copyFileSync(`${model}/${file}`, `${OUT}/${file}`);
  }
  const weights = readFileSync(`${OUT}/${WEIGHTS}`);
  if (weights.length <= maxBytes) return;
  shard(weights);
  rmSync(`${OUT}/${WEIGHTS}`);
}

function shard(bytes) {
  const start = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__, ...header } = JSON.parse(bytes.toString('utf8', 8, start));
  const shards = [{ tensors: {}, parts: [], size: 0 }];
  for (const [
    name,
    {
      data_offsets: [from, to],
      ...tensor
    },
  ] of Object.entries(header)) {
    const size = to - from;
    if (size > maxBytes) throw new Error(`tensor ${name} alone has ${size} bytes`);
    if (shards.at(-1).size + size > maxBytes) shards.push({ tensors: {}, parts: [], size: 0 });
    const last = shards.at(-1);
    last.tensors[name] = { ...tensor, data_offsets: [last.size, last.size + size] };
    last.parts.push(bytes.subarray(start + from, start + to));
    last.size += size;
  }
  const weight_map = {};
  shards.forEach(({ tensors, parts }, k) => {
    const file = `model-${number(k + 1)}-of-${number(shards.length)}.safetensors`;
    for (const name of Object.keys(tensors)) weight_map[name] = file;
    const head = Buffer.from(JSON.stringify(tensors));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(head.length));
    writeFileSync(`${OUT}/${file}`, Buffer.concat([prefix, head, ...parts]));
  });
  writeFileSync(`${OUT}/${WEIGHTS}.index.json`, JSON.stringify({ weight_map }));
}

function number(k) {
  return String(k).padStart(5, '0');
}
