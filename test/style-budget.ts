/**
 * The program that lowers the style budget to the counts, or lists the findings below paths:
 *
 *     npm run style             lowers test/style-budget.json
 *     npm run style src/sync    lists the findings of a folder or file
 */
import { writeFileSync } from 'node:fs';
import { budgetPath, countStyle, lowerBudget, projectStyle, readBudget } from './support/style.js';

const paths = process.argv.slice(2);
const findings = projectStyle();
if (paths.length > 0) {
  for (const { at } of findings) if (paths.some((path) => at.startsWith(path))) console.log(at);
} else {
  const lowered = lowerBudget(countStyle(findings), readBudget());
  writeFileSync(budgetPath, `${JSON.stringify(lowered, undefined, 2)}\n`);
  console.log(lowered);
}
