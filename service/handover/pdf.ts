import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Block, Cell, Column, ReportDocument, Tone } from './blocks.ts'
import { textsOf } from './texts.ts'

const colours: Readonly<Record<Tone, string>> = { good: '#10693a', bad: '#ad1a17', warn: '#8a4f00', quiet: '#566372' }

/** A node of a document as pdfmake takes it. Its own types bring those of a browser with them, which nothing here has. */
type Content = Readonly<Record<string, unknown>>
interface PageNode {
  /** Here: the height that a heading and the beginning of what it is about need together. */
  readonly headlineLevel?: number
  readonly startPosition: { readonly verticalRatio: number; readonly pageInnerHeight: number }
}

/** The part of pdfmake that is used. */
interface PdfMaker {
  setFonts(fonts: Record<string, Record<'normal' | 'bold' | 'italics' | 'bolditalics', string>>): void
  setLocalAccessPolicy(allow: (path: string) => boolean): void
  setUrlAccessPolicy(allow: (url: string) => boolean): void
  createPdf(definition: Content): { getBuffer(): Promise<Buffer> }
}

/** The report as PDF, made offline. Nothing but the fonts of the library is read, and nothing is fetched. */
export async function toPdf(report: ReportDocument): Promise<Buffer> {
  // Loaded when the first report is printed: a service that prints none does not need it.
  const require = createRequire(import.meta.url)
  const maker = require('pdfmake') as PdfMaker
  const fonts = join(dirname(require.resolve('pdfmake/package.json')), 'fonts/Roboto')
  const font = (name: string): string => join(fonts, `Roboto-${name}.ttf`)
  maker.setFonts({
    Roboto: {
      normal: font('Regular'),
      bold: font('Medium'),
      italics: font('Italic'),
      bolditalics: font('MediumItalic'),
    },
  })
  maker.setLocalAccessPolicy((path) => path.startsWith(fonts))
  maker.setUrlAccessPolicy(() => false)
  return maker.createPdf(definitionOf(report)).getBuffer()
}

function definitionOf({ language, title, subtitle, logo, footer, blocks }: ReportDocument): Content {
  const t = textsOf(language)
  return {
    pageSize: 'A4',
    pageMargins: [40, 44, 40, 52],
    info: { title: `${title} ${subtitle}`, producer: 'R-EMS', creator: 'R-EMS' },
    language,
    defaultStyle: { font: 'Roboto', fontSize: 9, lineHeight: 1.15, color: '#0b131c' },
    styles: {
      title: { fontSize: 20, bold: true },
      h1: { fontSize: 13, bold: true, margin: [0, 16, 0, 5] },
      h2: { fontSize: 10.5, bold: true, margin: [0, 9, 0, 3] },
      th: { fontSize: 8, color: '#364453', bold: true },
    },
    footer: (page: number, pages: number) => ({
      margin: [40, 12, 40, 0],
      fontSize: 7,
      color: '#566372',
      columns: [
        { text: footer, width: '*' },
        { text: `${t.page} ${page} ${t.of} ${pages}`, alignment: 'right', width: 90 },
      ],
    }),
    // A heading does not stay behind at the foot of a page. Which nodes follow it there, the library does not know of tables.
    pageBreakBefore: ({ headlineLevel = 0, startPosition }: PageNode) =>
      headlineLevel > startPosition.pageInnerHeight * (1 - startPosition.verticalRatio),
    content: [
      {
        columns: [
          {
            stack: [
              { text: title, style: 'title' },
              { text: subtitle, color: '#364453', margin: [0, 2, 0, 6] },
            ],
          },
          ...(logo === undefined ? [] : [logoOf(logo)]),
        ],
      },
      { canvas: [{ type: 'line', x1: 0, y1: 0, x2: 515, y2: 0, lineWidth: 1.2 }] },
      ...blocks.map((block, at) => contentOf(block, t.placeDate, blocks[at + 1])),
    ],
  }
}

const logoOf = (image: string): Content => ({ image, fit: [150, 56], alignment: 'right', width: 160 })

function contentOf(block: Block, placeDate: string, next: Block | undefined): Content {
  switch (block.kind) {
    case 'heading':
      return { text: block.text, style: block.level === 1 ? 'h1' : 'h2', headlineLevel: 30 + beginningOf(next) }
    case 'text':
      return {
        text: breakable(block.text, innerWidth),
        margin: [0, 2, 0, 4],
        ...(block.tone && { color: colours[block.tone] }),
      }
    case 'facts':
      return {
        layout: 'noBorders',
        table: {
          widths: [labelWidth, '*'],
          body: block.rows.map(([label, value]) => [
            { text: label, color: '#364453' },
            cellOf(value, innerWidth - labelWidth - 16),
          ]),
        },
      }
    case 'table':
      return tableOf(block)
    case 'drawing':
      return {
        unbreakable: true,
        margin: [0, 6, 0, 4],
        stack: [
          { svg: block.svg, width: 515 },
          { text: block.label, fontSize: 8, color: '#566372' },
        ],
      }
    default:
      return {
        unbreakable: true,
        stack: [
          { text: block.title, style: 'h1' },
          ...pairs(block.people).map((pair) => ({
            columnGap: 24,
            margin: [0, 38, 0, 0],
            columns: pair.map(({ name, role }) => ({
              width: '*',
              stack: [
                { canvas: [{ type: 'line', x1: 0, y1: 0, x2: 235, y2: 0, lineWidth: 0.7 }] },
                { text: name, bold: true, margin: [0, 3, 0, 0] },
                { text: `${role} · ${placeDate}`, fontSize: 8, color: '#566372' },
              ],
            })),
          })),
        ],
      }
  }
}

/** About how high the first lines of a block are that must not be parted from its heading, in points. */
function beginningOf(block: Block | undefined): number {
  switch (block?.kind) {
    case 'table': {
      const { widths } = layOut(block.columns)
      const lines = (block.rows[0] ?? []).map(({ text }, at) =>
        Math.ceil((text.length * 5) / (widths[at] ?? innerWidth)),
      )
      return 24 + Math.min(30, Math.max(1, ...lines)) * 12
    }
    case 'drawing':
      return 190
    default:
      return 24
  }
}

const pairs = <T>(list: readonly T[]): T[][] =>
  list.flatMap((one, at) => (at % 2 === 0 ? [[one, ...list.slice(at + 1, at + 2)]] : []))

/** The width of a page between its margins. */
const innerWidth = 515
const labelWidth = 120

/** Widths of columns without the room beside them, which is wider where the next one would lean on it. */
function layOut(columns: readonly Column[]): { widths: number[]; rooms: number[] } {
  const rooms = columns.map(({ align }, at) => (at === columns.length - 1 ? 0 : align === 'right' ? 12 : 6))
  const free = innerWidth * (1 - columns.reduce((sum, { width = 0 }) => sum + width, 0))
  const share = free / Math.max(1, columns.filter(({ width }) => width === undefined).length)
  return {
    rooms,
    widths: columns.map(({ width }, at) => (width === undefined ? share : width * innerWidth) - (rooms[at] ?? 0)),
  }
}

/** The width of a wide letter at the size of the text. */
const letterWidth = 6.4

/** Lets a word that is wider than its place go on in the next line: serial numbers and hashes have no spaces. */
function breakable(text: string, width: number): string {
  const most = Math.max(4, Math.floor(width / letterWidth))
  return text.replaceAll(/[^\s\u200b]+/g, (word) =>
    word.length <= most ? word : word.replaceAll(/.{4}(?=.)/gu, '$&\u200b'),
  )
}

function tableOf({ columns, rows }: Extract<Block, { kind: 'table' }>): Content {
  const { widths, rooms } = layOut(columns)
  return {
    margin: [0, 2, 0, 6],
    layout: {
      hLineWidth: (line: number) => (line === 0 ? 0 : line === 1 ? 0.8 : 0.4),
      vLineWidth: () => 0,
      hLineColor: (line: number) => (line === 1 ? '#a9b4c0' : '#d3dae1'),
      paddingLeft: () => 0,
      paddingRight: (column: number) => rooms[column] ?? 0,
    },
    table: {
      headerRows: 1,
      keepWithHeaderRows: 1,
      dontBreakRows: true,
      widths,
      body: [
        columns.map(({ title, align = 'left' }) => ({ text: title, style: 'th', alignment: align })),
        ...rows.map((row) => row.map((one, at) => cellOf(one, widths[at] ?? innerWidth, columns[at]?.align))),
      ],
    },
  }
}

function cellOf({ text, tone, mono, bold }: Cell, width: number, align: 'left' | 'right' = 'left'): Content {
  return {
    // An address best ends a line where one of its parts ends.
    text: breakable(mono ? text.replaceAll(/[?&/=]/g, '$&\u200b') : text, width),
    alignment: align,
    ...(mono && { fontSize: 8 }),
    ...((bold || tone === 'good' || tone === 'bad' || tone === 'warn') && { bold: true }),
    ...(tone && { color: colours[tone] }),
  }
}
