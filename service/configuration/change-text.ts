import type { SiteChange } from '#contract/configuration.ts'

/** One thing that is compared: where it belongs, what it is called and how it is shown. */
export interface Compared {
  readonly id: string
  readonly area: SiteChange['area']
  readonly owner: string
  readonly what: string
  readonly unit?: string
  /** It is a place rather than a value: an address, a circuit. */
  readonly place?: true
  /** The factor between old and new says more than the values. */
  readonly factor?: true
}

/** A value as a person reads it; undefined stands for nothing. */
export function shown(value: unknown, unit = ''): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number') return unit === '' ? String(value) : `${value} ${unit}`
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  // An empty list says as little as none.
  if (Array.isArray(value))
    return value.length === 0 ? undefined : short(value.map((entry) => shown(entry, unit) ?? 'none').join(', '))
  return short(
    Object.entries(value)
      .flatMap(([key, entry]) => (entry === undefined ? [] : [`${key} ${shown(entry) ?? ''}`]))
      .join(', '),
  )
}

const short = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text)

/** The change of one value, or undefined when it is the same. */
export function valueChange(
  compared: Compared,
  before: unknown,
  after: unknown,
  looser = false,
): SiteChange | undefined {
  const { id, area, owner, what, unit, place } = compared
  const was = shown(before, unit)
  const is = shown(after, unit)
  if (was === is) return undefined
  const kind = was === undefined ? 'added' : is === undefined ? 'removed' : place ? 'moved' : 'changed'
  const factor = factorOf(compared, before, after)
  return {
    id,
    kind,
    area,
    owner,
    what,
    ...(was !== undefined && { before: was }),
    ...(is !== undefined && { after: is }),
    ...(factor !== undefined && { factor }),
    ...(looser && { looser }),
    text: `${owner}: ${what} ${words(kind, before, after, was, is)}${factorText(factor)}`,
  }
}

function words(kind: SiteChange['kind'], before: unknown, after: unknown, was = '', is = ''): string {
  if (kind === 'added') return `set to ${is}`
  if (kind === 'removed') return `taken away (was ${was})`
  if (kind === 'moved') return `moved from ${was} to ${is}`
  const verb =
    typeof before === 'number' && typeof after === 'number' ? (after > before ? 'raised' : 'lowered') : 'changed'
  return `${verb} from ${was} to ${is}`
}

function factorOf({ factor }: Compared, before: unknown, after: unknown): number | undefined {
  if (!factor || typeof before !== 'number' || typeof after !== 'number' || before === 0 || after === 0)
    return undefined
  return Number((after / before).toPrecision(6))
}

function factorText(factor: number | undefined): string {
  // A small change says more by its values.
  if (factor === undefined || (factor > 0.1 && factor < 1.5)) return ''
  return factor === -1
    ? ' (the sign is turned round)'
    : ` (x ${factor}${factor < 0 ? ', and the sign is turned round' : ''})`
}

/** That something as a whole is new or gone. */
export function wholeChange(
  { id, area, owner }: Pick<Compared, 'id' | 'area' | 'owner'>,
  kind: 'added' | 'removed',
  about: string | undefined,
  looser = false,
): SiteChange {
  return {
    id,
    kind,
    area,
    owner,
    ...(about !== undefined && { [kind === 'added' ? 'after' : 'before']: about }),
    ...(looser && { looser }),
    text: `${owner} ${kind}${about === undefined ? '' : `: ${about}`}`,
  }
}
