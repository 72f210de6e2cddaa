import { quoted } from '../../base/arguments.ts';
import { TpaError, printable } from '../../base/errors.ts';

/** Templates and what they need to know besides the messages. */
export interface ChatSource {
  /** Jinja sources by their names. */
  readonly templates: ReadonlyMap<string, string>;
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** The template, as Jinja source, of all conversations that ask for no other; default none. */
  readonly chosen?: string | undefined;
}

/**
 * A model's templates with one of them, or another, for all conversations that ask for none.
 *
 * @param chosen the name of a template, or a template
 * @throws RangeError for an unknown name
 */
export function chatSourceOf(config: ChatSource, chosen: string | undefined): ChatSource {
  return chosen === undefined ? config : { ...config, chosen: chooseTemplate(config, chosen) };
}

/**
 * The Jinja source that a conversation is written with.
 *
 * @param given the name of a template, or a template
 * @param hasTools whether a template for tools is wanted where nothing is given
 * @throws RangeError for an unknown name; TpaError `CHAT_TEMPLATE_MISSING`
 */
export function chooseTemplate(
  { templates, chosen }: ChatSource,
  given: string | undefined,
  hasTools = false,
): string {
  const names = [...templates.keys()].map((name) => `"${printable(name)}"`).join(', ');
  if (given !== undefined) {
    const template = templates.get(given) ?? (/\{[{%]/.test(given) ? given : undefined);
    if (template !== undefined) return template;
    const expected = `${names}${names && ' or '}a Jinja template`;
    throw new RangeError(`"chatTemplate" expected ${expected}, got ${quoted(given)}`);
  }
  const forTools = hasTools ? templates.get('tool_use') : undefined;
  const template = chosen ?? forTools ?? templates.get('default');
  if (template !== undefined) return template;
  const message =
    templates.size === 0
      ? 'the model has no chat template to write messages with; pass text, token ids or "chatTemplate"'
      : `the model has no default chat template; pass one of its own as "chatTemplate": ${names}`;
  throw new TpaError('CHAT_TEMPLATE_MISSING', message);
}
