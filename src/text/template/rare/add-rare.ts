import { FILTERS } from '../builtins/choosing.ts';
import { DICT_METHODS, LIST_METHODS } from '../builtins/lookup.ts';
import { TESTS } from '../builtins/tests.ts';
import { TEXT_METHODS } from '../builtins/text-methods.ts';
import { GLOBALS } from '../globals.ts';
import { LOOP_FIELDS } from '../loop.ts';
import { SPECIAL_NAMES } from '../macro.ts';
import { STATEMENTS } from '../syntax/statements.ts';
import { RARE_GLOBALS } from './globals.ts';
import { LIST_FILTERS } from './list-filters.ts';
import { RARE_DICT_METHODS, RARE_LIST_METHODS } from './list-methods.ts';
import { RARE_LOOP_FIELDS } from './loop-fields.ts';
import { NUMBER_FILTERS } from './number-filters.ts';
import { RARE_SPECIAL_NAMES } from './special-names.ts';
import { RARE_STATEMENTS } from './statements.ts';
import { RARE_TESTS } from './tests.ts';
import { TEXT_FILTERS } from './text-filters.ts';
import { RARE_TEXT_METHODS } from './text-methods.ts';

/** Adds what few templates name to the tables in which names are looked up. */
export function addRare(): void {
  Object.assign(FILTERS, TEXT_FILTERS, NUMBER_FILTERS, LIST_FILTERS);
  Object.assign(TESTS, RARE_TESTS);
  Object.assign(TEXT_METHODS, RARE_TEXT_METHODS);
  Object.assign(LIST_METHODS, RARE_LIST_METHODS);
  Object.assign(DICT_METHODS, RARE_DICT_METHODS);
  Object.assign(LOOP_FIELDS, RARE_LOOP_FIELDS);
  Object.assign(SPECIAL_NAMES, RARE_SPECIAL_NAMES);
  Object.assign(STATEMENTS, RARE_STATEMENTS);
  Object.assign(GLOBALS, RARE_GLOBALS);
}
