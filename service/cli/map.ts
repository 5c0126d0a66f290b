import { stringify } from 'yaml'
import { parseCommandLine, UsageError } from '../args.ts'
import { createLibrary } from './library.ts'
import { exportFile } from './map-export.ts'
import { importFile } from './map-import.ts'
import { lint } from './map-lint.ts'
import { plan } from './map-plan.ts'
import { mapFlags } from './options.ts'
import { table } from './table.ts'
import { type Command, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl map list [--maps FOLDER] [--json]
       r-emsctl map show ID [--maps FOLDER] [--json]
       r-emsctl map lint PATH... [--maps FOLDER] [--json]
       r-emsctl map import FILE... [--format auto] [--out FILE.yaml] [--columns TEXT] [--base auto] [--json]
       r-emsctl map export MAP --format csv|home-assistant [--out FILE] [--maps FOLDER] [--json]
       r-emsctl map plan MAP [--baud N] [--format 8N1] [--turnaround MS] [--maps FOLDER] [--json]

Point maps: what there is, what a map says with what it extends, what is wrong in a file or folder, and in which requests
a device is read and how long that takes on a serial line. Import reads maps of evcc, Telegraf, Home Assistant, Solarman,
EdgeX, ThingsBoard, VOLTTRON, PythonProtocolGateway, Growatt and SunSpec, and tables (CSV, .xlsx); several files give a
table of what comes of each. Nothing of a file is evaluated.
  --maps FOLDER     own point maps, in front of those of the package
  --baud N          default: that of the map, or 9600
  --format F        data bits, parity, stop bits; default: that of the map, or 8N1
  --turnaround MS   what the device takes to begin its answer; default 10
  --columns TEXT    of a table: address=3;name=Register name;unit=Unit, by number from 1, letter or title
  --base B          how a table counts: 0, 1 or modicon (40001); default auto
  --numbers N       of a table: decimal or hexadecimal; --decimal-mark point or comma; --title-row N; --sheet N
  --function F      of rows that do not say it; --word-order big or little; --unit N of several in one file
  --maker, --model, --kind   of the new map
MAP is an ID such as eastron/sdm630, or a file.
Exit code: 0 done, 1 lint found problems, or a file was refused.
`

const commands: Readonly<Record<string, (args: string[], terminal: Terminal) => number | Promise<number>>> = {
  list,
  show,
  lint,
  import: importFile,
  export: exportFile,
  plan,
}

export const map: Command = {
  summary: 'point maps: list, show, lint, import, export, plan',
  usage,
  async run([name = '', ...rest], terminal) {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (!command)
      throw new UsageError(
        name === ''
          ? 'list, show, lint, import, export or plan?'
          : `"${name}" is not list, show, lint, import, export or plan`,
      )
    return command(rest, terminal)
  },
}

function list(args: string[], { out, err }: Terminal): number {
  const { values } = parseCommandLine({ args, options: { ...mapFlags, json: { type: 'boolean' } }, strict: true })
  const { maps, broken } = createLibrary(values.maps).all()
  const rows = maps.map(({ id, file, map }) => ({
    id,
    maker: map.maker,
    model: map.model,
    kind: map.kind,
    points: Object.keys(map.points).length + Object.keys(map.derived).length,
    commands: Object.keys(map.commands),
    file,
  }))
  if (values.json) out(`${JSON.stringify({ maps: rows, broken })}\n`)
  else {
    const cells = rows.map(({ id, kind, points, commands, maker, model }) => [
      id,
      kind,
      String(points),
      commands.join(' '),
      `${maker} ${model}`,
    ])
    out(table([['map', 'kind', 'points', 'commands', 'device'], ...cells], [2]))
    for (const { id, reason } of broken) err(`${id} is broken: ${reason}\n`)
  }
  return exitCode.done
}

function show(args: string[], { out }: Terminal): number {
  const { values, positionals } = parseCommandLine({
    args,
    options: { ...mapFlags, json: { type: 'boolean' } },
    strict: true,
    allowPositionals: true,
  })
  const [id, ...more] = positionals
  if (id === undefined || more.length > 0) throw new UsageError('name one map, such as eastron/sdm630')
  const { file, hash, map } = createLibrary(values.maps).load(id)
  if (values.json) out(`${JSON.stringify({ id, file, hash, map })}\n`)
  else out(`# ${file}\n# sha256 ${hash}\n${stringify(map, { lineWidth: 120, aliasDuplicateObjects: false })}`)
  return exitCode.done
}
