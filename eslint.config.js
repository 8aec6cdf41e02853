// Few rules, all on: type-checked TypeScript, and the habits of this repository that a machine can check.
import tseslint from "typescript-eslint";

/** Syntax that we do not use, each with what to do in its place. */
const banned = [
  { selector: "ExportDefaultDeclaration", message: "Give the export a name." },
  { selector: "TSEnumDeclaration", message: "Use a union of strings." },
];

const unused = { argsIgnorePattern: "^_", varsIgnorePattern: "^_" };

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
  { ignores: ["**/dist/", "**/build*/", "**/node_modules/", "**/generated/", "out/", "runs/"] },
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["vitest.config.ts"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "no-param-reassign": ["error", { props: false }],
      "no-restricted-syntax": ["error", ...bannedInLibraries],
      "no-console": "error",
      eqeqeq: "error",
      "prefer-const": "error",
      "@typescript-eslint/no-unused-vars": ["error", unused],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    // Scripts run before anything is compiled: plain JavaScript, without the rules that need types.
    files: ["**/*.js", "**/*.mjs"],
    extends: [tseslint.configs.recommended],
    rules: { eqeqeq: "error", "prefer-const": "error", "@typescript-eslint/no-unused-vars": ["error", unused] },
  },
  {
    files: ["packages/cli/**/*.ts", "tests/**/*.ts", "benchmarks/**/*.ts", "packages/*/codegen/**/*.ts"],
    rules: { "no-console": "off", "no-restricted-syntax": ["error", ...banned] },
  },
);
