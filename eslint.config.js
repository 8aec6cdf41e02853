// Few rules, all on: type-checked TypeScript, and the habits of this repository that a machine can check.
import tseslint from "typescript-eslint";

/** Syntax that we do not use, each with what to do in its place. */
const banned = [
  { selector: "ExportDefaultDeclaration", message: "Give the export a name." },
  { selector: "TSEnumDeclaration", message: "Use a union of strings." },
];

/** Only the command line prints and exits. */
const bannedInLibraries = [
  ...banned,
  {
    selector: "MemberExpression[object.name='process'][property.name='exit']",
    message: "Throw; only packages/cli exits.",
  },
];

// eslint wants a default export here.
export default tseslint.config(
  { ignores: ["**/dist/", "**/build/", "**/node_modules/", "**/generated/", "out/", "runs/"] },
  {
    files: ["packages/**/*.ts", "tests/**/*.ts", "benchmarks/**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "no-param-reassign": ["error", { props: false }],
      "no-restricted-syntax": ["error", ...bannedInLibraries],
      "no-console": "error",
      eqeqeq: "error",
      "prefer-const": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ["packages/cli/**/*.ts", "tests/**/*.ts", "benchmarks/**/*.ts", "packages/*/codegen/**/*.ts"],
    rules: { "no-console": "off", "no-restricted-syntax": ["error", ...banned] },
  },
);
