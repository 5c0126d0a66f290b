/** A file as text, with the encoding it was in; or why it is none. */
export type FileText =
  | { readonly text: string; readonly encoding: string; readonly assumed?: string }
  | { readonly reason: string }

const strict = (label: string, bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Whether every second byte is zero, as in UTF-16 without a mark. */
function utf16Guess(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const seen = Math.min(bytes.length - (bytes.length % 2), 2000)
  if (seen < 8) return undefined
  let even = 0
  let odd = 0
  for (let at = 0; at < seen; at += 2) {
    if (bytes[at] === 0) even += 1
    if (bytes[at + 1] === 0) odd += 1
  }
  const half = seen / 2
  if (odd > half * 0.7 && even < half * 0.1) return 'utf-16le'
  return even > half * 0.7 && odd < half * 0.1 ? 'utf-16be' : undefined
}

/** UTF-8, UTF-16 with or without a mark, and what is neither as Windows-1252, which Latin-1 files are. */
export function decodeFile(bytes: Uint8Array): FileText {
  const [a, b, c] = bytes
  const marked =
    a === 0xef && b === 0xbb && c === 0xbf
      ? 'utf-8'
      : a === 0xff && b === 0xfe
        ? 'utf-16le'
        : a === 0xfe && b === 0xff
          ? 'utf-16be'
          : undefined
  const label = marked ?? utf16Guess(bytes) ?? 'utf-8'
  const text = strict(label, bytes)
  if (text !== undefined) {
    if (text.includes('\0')) return { reason: 'it is not a text, nor a workbook (.xlsx)' }
    return { text: lines(text), encoding: marked ? `${label} with a mark` : label }
  }
  if (label !== 'utf-8' || marked) return { reason: `it begins like ${label} but is not; save it again as UTF-8` }
  if (bytes.includes(0)) return { reason: 'it is not a text, nor a workbook (.xlsx)' }
  return {
    text: lines(new TextDecoder('windows-1252').decode(bytes)),
    encoding: 'windows-1252',
    assumed: 'The file is not UTF-8; it was read as Windows-1252 (Latin-1). Look at letters such as ° and ä.',
  }
}

const lines = (text: string): string => text.replaceAll(/\r\n?/g, '\n')

/** Whether it is a ZIP archive, which workbooks of spreadsheets are. */
export const isArchive = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03

/** Whether it is a workbook of the old binary kind (.xls). */
export const isOldWorkbook = (bytes: Uint8Array): boolean => bytes[0] === 0xd0 && bytes[1] === 0xcf && bytes[2] === 0x11
