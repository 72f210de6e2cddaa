/** Files picked from disk, as `loadModel` takes a model in memory. */

const BESIDE = {
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  generationConfig: 'generation_config.json',
};

/**
 * @param {File[]} picked those of a folder's folders are none of the model
 * @throws Error that names the file that is missing
 */
export async function readPicked(picked) {
  const files = picked.filter(({ webkitRelativePath }) => !/\/.*\//.test(webkitRelativePath));
  const gguf = files.filter(({ name }) => /\.gguf$/i.test(name));
  if (gguf.length > 0) return { gguf };
  const byName = new Map(files.map((file) => [file.name, file]));
  const weights = await readWeights(files);
  const config = byName.get('config.json');
  if (config === undefined) throw missing('config.json', byName);
  if (weights.size === 0) throw missing('model.safetensors', byName);
  const model = { config: await config.arrayBuffer(), weights };
  for (const [name, file] of Object.entries(BESIDE)) {
    if (byName.has(file)) model[name] = await byName.get(file).arrayBuffer();
  }
  const template = await byName.get('chat_template.jinja')?.text();
  return template === undefined ? model : { ...model, chatTemplate: template };
}

/** One file or shards and their index, by name. */
async function readWeights(files) {
  const weights = new Map();
  for (const file of files) {
    if (!/\.safetensors(\.index\.json)?$/.test(file.name)) continue;
    weights.set(file.name, new Uint8Array(await file.arrayBuffer()));
  }
  return weights;
}

function missing(name, { size }) {
  return new Error(`a model has a file "${name}", none of the ${size} files picked is called so`);
}
