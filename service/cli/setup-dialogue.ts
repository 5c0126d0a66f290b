import type {
  SetupDraft,
  SetupField,
  SetupForm,
  SetupFormName,
  SetupProblem,
  SetupSuggestion,
} from '#contract/setup.ts'
import { setupDraft } from '#contract/setup.ts'
import { checkAnswers } from '../setup/check.ts'
import { type Place, placeOf, placeText, valueAt, withValue } from '../setup/places.ts'
import { freeId, type KnownMap, suggestAnswers } from '../setup/suggest.ts'
import type { FoundDevice } from '#contract/workbench.ts'
import { askField, shownAnswer } from './setup-field.ts'
import type { LineSession } from './terminal.ts'

/** A conversation about the answers of a site. */
export interface Dialogue {
  readonly draft: SetupDraft
  readonly lines: LineSession
  readonly maps: readonly KnownMap[]
  say(text: string): void
  /** Saves at once. */
  set(place: Place, value: unknown): Promise<void>
  get(place: Place): unknown
  problems(): readonly SetupProblem[]
  suggestions(): readonly SetupSuggestion[]
  fields(form: SetupFormName): readonly SetupField[]
  /** What a device says now, in lines; rejects when nobody answers. */
  read(device: unknown): Promise<string>
}

/** How a part of the dialogue has ended. */
export type End = 'next' | 'back' | 'stop'

export function createDialogue(options: {
  draft: SetupDraft
  lines: LineSession
  forms: readonly SetupForm[]
  maps: readonly KnownMap[]
  found: readonly FoundDevice[]
  say(text: string): void
  save(draft: SetupDraft): Promise<void>
  read(device: unknown): Promise<string>
}): Dialogue {
  const { lines, forms, maps, found, say, save, read } = options
  let { draft } = options
  const ids = maps.map(({ id }) => id)
  return {
    get draft() {
      return draft
    },
    lines,
    maps,
    say,
    async set(place, value) {
      draft = setupDraft.parse(withValue(draft, place, value))
      await save(draft)
    },
    get: (place) => valueAt(draft, place),
    problems: () => checkAnswers(draft, { maps: ids }).problems,
    suggestions: () => suggestAnswers(draft, found, maps),
    read,
    fields: (form) => forms.find((each) => each.form === form)?.fields ?? [],
  }
}

/** What is wrong with the value at exactly this place. */
const wrongAt = (dialogue: Dialogue, place: Place): SetupProblem | undefined =>
  dialogue.problems().find(({ path, kind }) => kind === 'wrong' && path === placeText(place))

/** Asks the fields of a form that lies at `base`. The name comes before the short name that is made from it. */
export async function askForm(
  dialogue: Dialogue,
  base: Place,
  form: SetupFormName,
  options: {
    readonly choices?: (key: string) => readonly string[] | undefined
    readonly skip?: readonly string[]
    readonly takenIds?: ReadonlySet<string>
  } = {},
): Promise<End> {
  const fields = dialogue.fields(form).filter(({ key }) => options.skip?.includes(key) !== true)
  const ordered = fields.toSorted((a, b) => Number(b.key === 'name') - Number(a.key === 'name'))
  const main = await askFields(
    dialogue,
    base,
    ordered.filter((field) => field.main),
    options,
  )
  const special = ordered.filter((field) => !field.main)
  if (main !== 'next' || special.length === 0) return main
  const more = {
    key: '',
    title: 'More settings',
    help: `${special.map(({ title }) => title).join(', ')}.`,
    kind: 'switch',
    required: false,
    main: true,
  } as const
  const wanted = await askField(dialogue.lines, { ...more, default: false }, undefined, dialogue.say)
  if (wanted.kind === 'stop') return 'stop'
  if (wanted.kind === 'value' && wanted.value === true) return askFields(dialogue, base, special, options)
  return 'next'
}

async function askFields(
  dialogue: Dialogue,
  base: Place,
  fields: readonly SetupField[],
  {
    choices,
    takenIds = new Set(),
  }: { readonly choices?: (key: string) => readonly string[] | undefined; readonly takenIds?: ReadonlySet<string> },
): Promise<End> {
  for (let at = 0; at < fields.length;) {
    const field = fields[at]
    if (!field) break
    const place = [...base, field.key]
    const name = dialogue.get([...base, 'name'])
    const derived = field.key === 'id' && typeof name === 'string' ? freeId(name, takenIds) : undefined
    const answered = await askField(
      dialogue.lines,
      field,
      dialogue.get(place) ?? derived,
      dialogue.say,
      choices?.(field.key),
    )
    if (answered.kind === 'stop') return 'stop'
    if (answered.kind === 'back') {
      if (at === 0) return 'back'
      at -= 1
      continue
    }
    if (answered.kind === 'value') await dialogue.set(place, answered.value)
    else if (dialogue.get(place) === undefined && derived !== undefined) await dialogue.set(place, derived)
    const wrong = wrongAt(dialogue, place)
    if (wrong) dialogue.say(`  ${wrong.message} ${wrong.cure}\n`)
    else if (field.required && dialogue.get(place) === undefined && answered.kind === 'same')
      dialogue.say('  Needed before the files can be written; - leaves it open for now.\n')
    else at += 1
  }
  return 'next'
}

/** Shows the suggestions of a place and takes over those that the person says yes to. */
export async function offer(dialogue: Dialogue, wanted: (suggestion: SetupSuggestion) => boolean): Promise<End> {
  const refused = new Set<string>()
  for (;;) {
    const next = dialogue.suggestions().find((suggestion) => wanted(suggestion) && !refused.has(suggestion.text))
    if (!next) return 'next'
    const field = {
      key: '',
      title: `Suggested for ${titleOf(next)}: ${next.text}. Take it`,
      help: next.why,
      kind: 'switch',
      required: false,
      main: true,
    } as const
    dialogue.say(`  ${next.why}\n`)
    const answered = await askField(dialogue.lines, { ...field, default: true }, undefined, dialogue.say)
    if (answered.kind === 'stop' || answered.kind === 'back') return answered.kind
    if (answered.kind === 'same' || answered.value === true) await dialogue.set(placeOf(next.path), next.value)
    else refused.add(next.text)
  }
}

const titleOf = ({ path }: SetupSuggestion): string => path.replaceAll('.', ' ')

export const entryText = (entry: unknown, keys: readonly string[]): string =>
  keys.flatMap((key) => (valueAt(entry, [key]) === undefined ? [] : [shownAnswer(valueAt(entry, [key]))])).join(', ')
