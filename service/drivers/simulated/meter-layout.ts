import { sumPhases } from './phases.ts'
import type { GridState } from './plant-model.ts'
import type { RegisterField } from './register-bank.ts'
import { field, float32, u32 } from './words.ts'

const meterIdentity = { serial: 24_001_337, unitId: 1 }

/** The meter refuses longer reads, as the original does (40 values of two registers). */
export const meterMaxReadRegisters = 80

const degree = 180 / Math.PI

/**
 * Registers of a three-phase meter in the layout of the Eastron SDM630: float32 values, high word first, in the input table.
 * Power > 0 is import. Currents are magnitudes. Addresses between the values read as 0, as on the original.
 */
export function meterFields(read: () => GridState): RegisterField[] {
  const perPhase = (address: number, value: (grid: GridState, phase: 'l1' | 'l2' | 'l3') => number) =>
    (['l1', 'l2', 'l3'] as const).map((phase, index) => input(address + index * 2, (grid) => value(grid, phase)))
  const input = (address: number, value: (grid: GridState) => number) =>
    field('input', address, () => float32(value(read())))
  const totalVar = (grid: GridState) => sumPhases(grid.phaseVar)
  const totalVa = (grid: GridState) => Math.hypot(grid.powerW, totalVar(grid))
  const lineV = (a: number, b: number) => Math.sqrt(a * a + b * b + a * b)

  const values = [
    ...perPhase(0, (grid, phase) => grid.voltageV[phase]),
    ...perPhase(6, (grid, phase) => grid.currentA[phase]),
    ...perPhase(12, (grid, phase) => grid.phaseW[phase]),
    ...perPhase(18, (grid, phase) => grid.voltageV[phase] * grid.currentA[phase]),
    ...perPhase(24, (grid, phase) => grid.phaseVar[phase]),
    ...perPhase(30, (grid, phase) => factor(grid.phaseW[phase], Math.hypot(grid.phaseW[phase], grid.phaseVar[phase]))),
    ...perPhase(36, (grid, phase) => Math.atan2(grid.phaseVar[phase], grid.phaseW[phase]) * degree),
    input(42, (grid) => sumPhases(grid.voltageV) / 3),
    input(46, (grid) => sumPhases(grid.currentA) / 3),
    input(48, (grid) => sumPhases(grid.currentA)),
    input(52, (grid) => grid.powerW),
    input(56, totalVa),
    input(60, totalVar),
    input(62, (grid) => factor(grid.powerW, totalVa(grid))),
    input(66, (grid) => Math.atan2(totalVar(grid), grid.powerW) * degree),
    input(70, (grid) => grid.frequencyHz),
    input(72, (grid) => grid.importWh / 1000),
    input(74, (grid) => grid.exportWh / 1000),
    input(200, (grid) => lineV(grid.voltageV.l1, grid.voltageV.l2)),
    input(202, (grid) => lineV(grid.voltageV.l2, grid.voltageV.l3)),
    input(204, (grid) => lineV(grid.voltageV.l3, grid.voltageV.l1)),
    input(342, (grid) => (grid.importWh + grid.exportWh) / 1000),
  ]
  const holding = [
    field('holding', 10, () => float32(systemType)),
    field('holding', 18, () => float32(0)),
    field('holding', 20, () => float32(meterIdentity.unitId)),
    field('holding', 28, () => float32(baudCode)),
    field('holding', 0xfc00, () => u32(meterIdentity.serial)),
  ]
  return [...values, ...gaps(values, 0, 382), ...holding]
}

/** Three phases, four wires. */
const systemType = 3
/** 9600 baud. */
const baudCode = 2

const factor = (activeW: number, apparentVa: number): number => (apparentVa === 0 ? 1 : activeW / apparentVa)

/** Fields that read 0 wherever none of the given ones lies. */
function gaps(fields: readonly RegisterField[], first: number, end: number): RegisterField[] {
  const taken = new Set(fields.flatMap((entry) => [entry.address, entry.address + 1]))
  return Array.from({ length: end - first }, (_, index) => first + index)
    .filter((address) => !taken.has(address))
    .map((address) => ({ table: 'input', address, words: 1, read: () => [0] }))
}
