/**
 * What typedoc is told beyond its options: names are grouped by the task they serve, which the room
 * of their source says, and every page begins with a list of what it holds.
 */
import { CommentTag, Converter } from '../../.runtimes/typedoc/node_modules/typedoc/dist/index.js';
import { MarkdownPageEvent } from '../../.runtimes/typedoc/node_modules/typedoc-plugin-markdown/dist/index.js';

/** Rooms of src/, the longest beginning first. */
const TASKS = [
  ['load/model.ts', 'Models'],
  ['format/config', 'Models'],
  ['load', 'Loading'],
  ['weights', 'Models'],
  ['download', 'Loading'],
  ['format/files', 'Loading'],
  ['generate', 'Generating'],
  ['snapshot', 'Generating'],
  ['layout/cache-dtype.ts', 'Generating'],
  ['text', 'Text and conversations'],
  ['backend', 'Who computes'],
  ['threads', 'Who computes'],
  ['wasm', 'Who computes'],
  ['ops', 'Operations'],
  ['attention/rope.ts', 'Models'],
  ['attention', 'Operations'],
  ['base/worker-port.ts', 'Loading'],
  ['base/errors.ts', 'Errors'],
];

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) {
      for (const reflection of module.children ?? []) setTask(project, reflection);
    }
  });
  app.renderer.on(MarkdownPageEvent.END, (page) => {
    page.contents = withContents(page.contents);
  });
}

function setTask(project, reflection) {
  const { packagePath = '' } = project.getSymbolIdFromReflection(reflection) ?? {};
  const [, task] = TASKS.find(([room]) => packagePath.startsWith(`src/${room}`)) ?? [];
  if (task === undefined) return;
  for (const { comment } of [reflection, ...(reflection.signatures ?? [])]) {
    comment?.blockTags.push(new CommentTag('@group', [{ kind: 'text', text: task }]));
  }
}

/** A list of the groups of a page and what is in them, behind its title. */
function withContents(page) {
  const headings = [...page.matchAll(/^(##|###) (.+)$/gm)];
  const lines = headings.map(([, level, title]) => {
    const link = `[${title}](#${title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-')})`;
    return level === '##' ? `\n- **${link}**: ` : `${link}, `;
  });
  if (lines.length < 2) return page;
  const list = lines
    .join('')
    .replaceAll(/, (?=\n|$)/g, '')
    .trimStart();
  const [first] = headings;
  return `${page.slice(0, first.index)}${list}\n\n${page.slice(first.index)}`;
}
