// mutate.mjs [TARGET] [--sample N] [--json]: plants one small mistake after the other into the code that keeps limits, and runs
// its tests. A mistake that no test notices has survived. It works on a copy; the source is never touched. The last line is the
// share that was noticed, and "N passed, N failed, 0 skipped" counts targets with 80 % or more and those below.
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { ensureInstalled, root, toolEnvironment } from './install.mjs'

const targets = {
  limits: {
    files: ['service/control/rows.ts', 'service/control/limits.ts', 'service/control/signals.ts'],
    tests: ['tests/sites/sites.test.ts', 'tests/sites/properties/laws.test.ts', 'tests/unit/control'],
  },
  guard: {
    files: ['service/runtime/guard.ts', 'service/runtime/write-rules.ts'],
    tests: [
      'tests/unit/runtime/guard.test.ts',
      'tests/unit/runtime/guard-limits.test.ts',
      'tests/unit/runtime/write-rules.test.ts',
    ],
  },
}

const enough = 0.8
/** A mistake that makes the tests run for ever counts as noticed. */
const longestMs = 120_000

const comparisons = { '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='], '>=': ['>', '<'] }
const swaps = {
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '&&': '||',
  '||': '&&',
  '+=': '-=',
  '-=': '+=',
}

/** Every mistake in a source text: where it is, what it replaces and by what. */
export function mutantsOf(text, fileName) {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true)
  const mutants = []
  const plant = (node, replacement) => {
    const start = node.getStart(source)
    const line = source.getLineAndCharacterOfPosition(start).line + 1
    mutants.push({ line, start, end: node.end, before: text.slice(start, node.end), replacement })
  }
  const visit = (node) => {
    if (
      ts.isTypeNode(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node) ||
      ts.isImportDeclaration(node) ||
      ts.isThrowStatement(node)
    )
      return
    if (ts.isBinaryExpression(node)) {
      const operator = node.operatorToken.getText(source)
      const isText = [node.left, node.right].some(
        (side) => ts.isStringLiteralLike(side) || ts.isTemplateExpression(side),
      )
      for (const other of comparisons[operator] ?? []) plant(node.operatorToken, other)
      if (swaps[operator] && !isText) plant(node.operatorToken, swaps[operator])
      if (operator === '??') plant(node, node.right.getText(source))
    } else if (ts.isPrefixUnaryExpression(node)) {
      const operand = node.operand.getText(source)
      if (node.operator === ts.SyntaxKind.ExclamationToken || node.operator === ts.SyntaxKind.MinusToken)
        plant(node, `(${operand})`)
    } else if (ts.isNumericLiteral(node)) {
      const value = Number(node.text)
      plant(node, Number.isInteger(value) ? String(value + 1) : String(value * 1.25))
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) {
      plant(node, 'false')
    } else if (node.kind === ts.SyntaxKind.FalseKeyword) {
      plant(node, 'true')
    } else if (ts.isPropertyAccessExpression(node) && /^Math\.(min|max)$/.test(node.getText(source))) {
      plant(node, node.name.text === 'min' ? 'Math.max' : 'Math.min')
    } else if (ts.isIfStatement(node)) {
      plant(node.expression, 'true')
      plant(node.expression, 'false')
    } else if (ts.isConditionalExpression(node)) {
      plant(node, `(${node.whenTrue.getText(source)})`)
      plant(node, `(${node.whenFalse.getText(source)})`)
    } else if (ts.isExpressionStatement(node) && !ts.isIfStatement(node.parent)) {
      plant(node, ';')
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return mutants
}

function copyTree() {
  const folder = mkdtempSync(join(tmpdir(), 'r-ems-mutate-'))
  for (const name of ['service', 'tests', 'pointmaps', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    `export default { test: { include: ['tests/**/*.test.ts'], pool: 'forks', isolate: false, bail: 1, silent: true, testTimeout: 60_000 } }`,
  )
  return folder
}

/** Whether all tests pass. */
function passes(folder, tests) {
  return new Promise((resolve) => {
    // What only shows that the laws are sharp needs no repetition here.
    const args = [
      'run',
      '--config',
      'vitest.config.mjs',
      '--reporter=dot',
      '-t',
      '^(?!.*(planted mistake|mistake is caught))',
      ...tests,
    ]
    const child = spawn(join(root, 'node_modules/.bin/vitest'), args, {
      cwd: folder,
      env: toolEnvironment({ R_EMS_PROPERTY_RUNS: '60' }),
      stdio: 'ignore',
      detached: true,
    })
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), longestMs)
    child.on('exit', (code) => {
      clearTimeout(timer)
      resolve(code === 0)
    })
  })
}

/** Evenly spread over the list, always the same ones. */
const sample = (list, count) =>
  count >= list.length ? list : Array.from({ length: count }, (_, at) => list[Math.floor((at * list.length) / count)])

async function run(name, { files, tests }, most) {
  const folder = copyTree()
  try {
    if (!(await passes(folder, tests))) throw new Error(`the tests of ${name} fail without any mistake`)
    const all = files.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      return mutantsOf(text, file).map((mutant) => ({ file, text, ...mutant }))
    })
    const survived = []
    const tried = sample(all, most)
    for (const [at, { file, text, start, end, line, before, replacement }] of tried.entries()) {
      writeFileSync(join(folder, file), text.slice(0, start) + replacement + text.slice(end))
      const unnoticed = await passes(folder, tests)
      writeFileSync(join(folder, file), text)
      if (unnoticed) survived.push({ file, line, before, replacement })
      process.stderr.write(
        `${name} ${at + 1}/${tried.length} ${unnoticed ? `survived ${file}:${line} ${before} -> ${replacement}` : 'killed'}\n`,
      )
    }
    return { target: name, mutants: all.length, tried: tried.length, killed: tried.length - survived.length, survived }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sample: { type: 'string' }, json: { type: 'boolean' } },
})
const unknown = positionals.find((name) => !Object.hasOwn(targets, name))
if (unknown !== undefined) {
  process.stderr.write(`there is no target "${unknown}": ${Object.keys(targets).join(', ')}\n`)
  process.exit(2)
}
ensureInstalled()
const results = []
for (const name of positionals.length > 0 ? positionals : Object.keys(targets))
  results.push(await run(name, targets[name], Number(values.sample ?? Infinity)))
if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
for (const { target, killed, tried } of results)
  process.stdout.write(`${target}: ${killed} of ${tried} noticed (${((100 * killed) / tried).toFixed(1)} %)\n`)
const passed = results.filter(({ killed, tried }) => killed >= enough * tried).length
process.stdout.write(`${passed} passed, ${results.length - passed} failed, 0 skipped\n`)
process.exitCode = passed === results.length ? 0 : 1
