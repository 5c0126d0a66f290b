/** A report as both the page and the PDF lay it out: what is said is decided once. */

export type Tone = 'good' | 'bad' | 'warn' | 'quiet'

export interface Cell {
  readonly text: string
  readonly tone?: Tone
  readonly mono?: boolean
  readonly bold?: boolean
}

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Share of the width; columns without one share the rest. */
  readonly width?: number
}

export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2; readonly text: string }
  | { readonly kind: 'text'; readonly text: string; readonly tone?: Tone }
  | { readonly kind: 'facts'; readonly rows: readonly (readonly [label: string, value: Cell])[] }
  | { readonly kind: 'table'; readonly columns: readonly Column[]; readonly rows: readonly (readonly Cell[])[] }
  /** A drawing of its own size; `label` says what it shows. */
  | { readonly kind: 'drawing'; readonly svg: string; readonly label: string }
  /** Its heading stays with its lines. */
  | {
      readonly kind: 'signatures'
      readonly title: string
      readonly people: readonly { readonly name: string; readonly role: string }[]
    }

export interface ReportDocument {
  readonly language: 'en' | 'de'
  readonly title: string
  readonly subtitle: string
  /** Data URL. */
  readonly logo?: string | undefined
  /** On every page. */
  readonly footer: string
  readonly blocks: readonly Block[]
}

export const cell = (text: string | number | undefined, tone?: Tone): Cell => ({
  text: text === undefined || text === '' ? '\u2014' : String(text),
  ...(tone && { tone }),
})
export const mono = (text: string): Cell => ({ text, mono: true })
