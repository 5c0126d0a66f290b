import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseCommandLine } from '../args.ts'
import { download } from './download.ts'
import { targetFlags } from './edge-target.ts'
import { parseWhole } from './options.ts'
import { type Command, exitCode } from './terminal.ts'

const usage = `usage: r-emsctl capture [--seconds N] [--out FILE] [--json] [--url URL] [--data-dir DIR]

Saves what control has seen and decided in the last N seconds. The service records all the time and keeps up to a week, in
at most 256 MiB of its data folder; the file may begin up to 15 minutes earlier than asked for.
  --seconds N      1 to 604800 (default 3600)
  --out FILE       default r-ems-capture.jsonl.gz
  --url URL        address of the service (default: R_EMS_API_PORT or 8080 on this machine)
  --data-dir DIR   data folder of this edge, for its token (R_EMS_DATA_DIR; default /var/lib/r-ems)
Exit code: 0 done, 3 no answer, 5 refused.
`

export const capture: Command = {
  summary: 'save what control has seen and decided',
  usage,
  async run(args, terminal) {
    const { values } = parseCommandLine({
      args,
      options: {
        ...targetFlags,
        seconds: { type: 'string' },
        out: { type: 'string' },
        json: { type: 'boolean' },
      },
      strict: true,
    })
    const seconds = parseWhole(values.seconds ?? '3600', '--seconds', 1, 604_800)
    const file = values.out ?? 'r-ems-capture.jsonl.gz'
    const content = await download(`/api/v1/capture?seconds=${seconds}`, values, terminal)
    let bytes = 0
    await pipeline(
      Readable.from(content),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          bytes += chunk.length
          yield chunk
        }
      },
      createWriteStream(file),
    )
    terminal.out(
      values.json
        ? `${JSON.stringify({ file, bytes })}\n`
        : `${file}: ${(bytes / 1024).toFixed(1)} KiB; see r-emsctl replay\n`,
    )
    return exitCode.done
  },
}
