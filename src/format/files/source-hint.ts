/** Files of other formats, which are converted before they are loaded. */
const FOREIGN = /\.(?:bin|pth?|ckpt)$/i;
/** Files of a model, which is loaded as a whole. */
const OWN = /\.(?:safetensors|json|jinja)$/i;
/** An owner and a name at Hugging Face, alone or in the address of a page about the model. */
const HUB_NAME =
  /^(?:(?:https:\/\/)?(?:huggingface|hf)\.co\/)?([\w-][\w.-]*\/[\w-][\w.-]*)(?:\/(?:tree|blob)\/([\w-][\w.-]*))?\/?$/;

/** Whether a file is a checkpoint to convert, by its name. */
export function isForeign(file: string): boolean {
  return FOREIGN.test(file);
}

/** What to do with a checkpoint in another format, whose path is printable. */
export function conversionHint(path: string): string {
  return `convert it first, with: tpa convert ${path} --out DIR`;
}

/** What to pass in place of what is no model, a printable path or address, in words that go on from a message; may be empty. */
export function sourceHint(source: string): string {
  // An address may have a query, which is no part of the name of its file.
  const path = source.replace(/[?#].*$/, '');
  if (isForeign(path)) return `: ${conversionHint(path)}`;
  if (OWN.test(path)) return ': pass the directory that the file is in';
  const [, name, revision = 'main'] = HUB_NAME.exec(path) ?? [];
  if (name === undefined) return '';
  const at = revision === 'main' ? '' : `@${revision}`;
  return `: for the model of that name at Hugging Face pass hf:${name}${at}`;
}
