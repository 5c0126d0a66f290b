import { UsageError } from '../args.ts'
import { configDiff } from './config-diff.ts'
import { configMigrate } from './config-migrate.ts'
import { configSchema } from './config-schema.ts'
import { configShow } from './config-show.ts'
import { configValidate } from './config-validate.ts'
import type { Command, Terminal } from './terminal.ts'

const usage = `usage: r-emsctl config show [--origin] [--config DIR|FILE] [--json] [options of r-emsd run]
       r-emsctl config validate [DIR|FILE|-] [--as site|edge|map] [--toml] [--json]
       r-emsctl config diff A B [--json]
       r-emsctl config migrate [DIR|FILE]
       r-emsctl config schema [site|edge|map]

show prints every effective setting and value of the site; with --origin, where each comes from: FILE:LINE, a variable,
an option, or the default. Of secrets it says only whether they are set.
validate prints every problem as FILE:LINE:COLUMN with what to do; - reads one file from the standard input (YAML, or with
--toml TOML). diff says in words what the second site does differently; ! marks what allows more than before. migrate writes
a site file in the newest format; the old one stays beside it as FILE.vN.bak. schema prints the JSON Schema for editors.
  --config DIR|FILE   configuration (R_EMS_CONFIG_ROOT; default /etc/r-ems)
  --as KIND           what a file is; by default found from its name
Exit code: 0 done, 1 problems were found, 2 wrong use.
`

const actions: Readonly<Record<string, (args: string[], terminal: Terminal) => Promise<number>>> = {
  show: configShow,
  validate: configValidate,
  diff: configDiff,
  migrate: configMigrate,
  schema: configSchema,
}

export const config: Command = {
  summary: 'show, check and compare configurations',
  usage,
  async run([action = '', ...args], terminal) {
    const act = Object.hasOwn(actions, action) ? actions[action] : undefined
    if (!act) throw new UsageError(action === '' ? 'say what to do' : `unknown: config ${action}`)
    return act(args, terminal)
  },
}
