import { crc32 } from 'node:zlib'

const le = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}

/** A ZIP archive whose files are stored as they are. */
function archive(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text)
    const about = [
      le(20, 2),
      le(0, 2),
      le(0, 2),
      le(0, 4),
      le(crc32(data), 4),
      le(data.length, 4),
      le(data.length, 4),
      le(name.length, 2),
      le(0, 2),
    ]
    const local = Buffer.concat([le(0x04034b50, 4), ...about, Buffer.from(name), data])
    directory.push(
      Buffer.concat([
        le(0x02014b50, 4),
        le(20, 2),
        ...about,
        le(0, 2),
        le(0, 2),
        le(0, 2),
        le(0, 4),
        le(offset, 4),
        Buffer.from(name),
      ]),
    )
    parts.push(local)
    offset += local.length
  }
  const index = Buffer.concat(directory)
  const count = le(directory.length, 2)
  return Buffer.concat([
    ...parts,
    index,
    le(0x06054b50, 4),
    le(0, 4),
    count,
    count,
    le(index.length, 4),
    le(offset, 4),
    le(0, 2),
  ])
}

type Cell = string | number | { readonly formula: string; readonly value: number }

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const cellXml = (cell: Cell, place: string): string => {
  if (typeof cell === 'number') return `<c r="${place}"><v>${cell}</v></c>`
  if (typeof cell === 'object') return `<c r="${place}"><f>${escaped(cell.formula)}</f><v>${cell.value}</v></c>`
  return `<c r="${place}" t="inlineStr"><is><t>${escaped(cell)}</t></is></c>`
}

/** A workbook with one sheet for each table. */
export function workbook(sheets: Readonly<Record<string, readonly (readonly Cell[])[]>>): Buffer {
  const names = Object.keys(sheets)
  const xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const relation = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  const rels = 'http://schemas.openxmlformats.org/package/2006/relationships'
  const list = names
    .map((name, at) => `<sheet name="${escaped(name)}" sheetId="${at + 1}" r:id="rId${at + 1}"/>`)
    .join('')
  const links = names
    .map(
      (_, at) =>
        `<Relationship Id="rId${at + 1}" Type="${relation}/worksheet" Target="worksheets/sheet${at + 1}.xml"/>`,
    )
    .join('')
  const pages = Object.values(sheets).map((rows, at) => {
    const body = rows.map(
      (row, y) =>
        `<row r="${y + 1}">${row.map((cell, x) => cellXml(cell, `${String.fromCharCode(65 + x)}${y + 1}`)).join('')}</row>`,
    )
    return [
      `xl/worksheets/sheet${at + 1}.xml`,
      `${xml}<worksheet xmlns="${main}"><sheetData>${body.join('')}</sheetData></worksheet>`,
    ] as const
  })
  return archive({
    '[Content_Types].xml': `${xml}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>`,
    '_rels/.rels': `${xml}<Relationships xmlns="${rels}"><Relationship Id="rId1" Type="${relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `${xml}<workbook xmlns="${main}" xmlns:r="${relation}"><sheets>${list}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `${xml}<Relationships xmlns="${rels}">${links}</Relationships>`,
    'xl/styles.xml': `${xml}<styleSheet xmlns="${main}"/>`,
    ...Object.fromEntries(pages),
  })
}
