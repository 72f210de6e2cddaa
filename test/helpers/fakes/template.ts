import { type ChatTemplate, compileChatTemplate } from '../../../src/text/chat-template.ts';
import { strftime } from '../../../src/text/strftime.ts';
import { addTime } from '../../../src/text/template/globals.ts';
import { addRare } from '../../../src/text/template/rare/add-rare.ts';

/** Reads a template that may name whatever there is. */
export function compileTemplate(source: string): ChatTemplate {
  addRare();
  addTime(strftime);
  return compileChatTemplate(source);
}
