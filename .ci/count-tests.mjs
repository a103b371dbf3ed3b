// Prints `PASSED FAILED` of a Jest report. A spec file that could not run counts as a failure, and so does no report.
import { readFileSync } from 'node:fs';

let counts = '0 1';
try {
  const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
  counts = `${report.numPassedTests} ${report.numFailedTests + report.numRuntimeErrorTestSuites}`;
} catch (error) {
  console.error(`no report of the tests: ${error.message}`);
}
console.log(counts);
