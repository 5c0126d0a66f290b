import { createReadStream } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { constants, createGunzip } from 'node:zlib'
import { captureHeader, type CaptureHeader, captureStep, type CaptureStep } from './format.ts'

export type CaptureRecord =
  | { readonly kind: 'header'; readonly header: CaptureHeader }
  | { readonly kind: 'step'; readonly step: CaptureStep }
  /** What could not be read, in words. After it comes the next header, or nothing. */
  | { readonly kind: 'damage'; readonly text: string }

const longestLine = 64 * 1024 * 1024

/** Reads a capture as far as it can be read; what is damaged is passed over up to the next header, and said. */
export async function* readCapture(file: string): AsyncGenerator<CaptureRecord, void, undefined> {
  let number = 0
  let inOrder = true
  let rest = ''
  const decoder = new StringDecoder('utf8')
  const gunzip = createReadStream(file)
    .on('error', (error) => gunzip.destroy(error))
    .pipe(createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }))
  const iterator = gunzip[Symbol.asyncIterator]()
  try {
    for (;;) {
      let next: IteratorResult<unknown>
      try {
        next = await iterator.next()
      } catch (error) {
        yield damage(`${file}: ${sentence(error)} after line ${number}`)
        return
      }
      if (next.done) break
      rest += decoder.write(next.value as Buffer)
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > longestLine) {
        yield damage(`${file}: line ${number + 1} is too long to be one of a capture`)
        return
      }
      for (const line of lines) {
        number += 1
        if (line === '') continue
        const record = parse(line)
        if (!record && inOrder) yield damage(`${file}: line ${number} is not one of a capture`)
        inOrder = record?.kind === 'header' || (inOrder && record !== undefined)
        if (record && inOrder) yield record
      }
    }
    if (rest.trim() !== '') yield damage(`${file}: it ends in the middle of line ${number + 1}`)
    else if (number === 0) yield damage(`${file}: it is empty`)
  } finally {
    gunzip.destroy()
  }
}

const damage = (text: string): CaptureRecord => ({ kind: 'damage', text })

const gzipErrors: Readonly<Record<string, string>> = {
  Z_DATA_ERROR: 'the compressed data is damaged, or it is no capture,',
  Z_BUF_ERROR: 'it is cut off',
  ENOENT: 'there is no such file;',
}

function sentence(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return gzipErrors[code] ?? (error instanceof Error ? error.message : String(error))
}

function parse(line: string): CaptureRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const step = captureStep.safeParse(value)
  if (step.success) return { kind: 'step', step: step.data }
  const header = captureHeader.safeParse(value)
  return header.success ? { kind: 'header', header: header.data } : undefined
}
