// Holds manifests against the schemas of the Kubernetes API: kubernetes_schemas.mjs NODE_MODULES MANIFESTS.json. Each value by the
// validators generated from the OpenAPI definitions; and each field's name, since a server drops or refuses what it does not know.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const modules = resolve(process.argv[2]);
const kinds = {
  "batch/v1 Job": "IoK8sApiBatchV1Job",
  "apps/v1 Deployment": "IoK8sApiAppsV1Deployment",
  "v1 Secret": "IoK8sApiCoreV1Secret",
};
const packages = ["kubernetes-models", "@kubernetes-models/apimachinery"];

// Definition → file of its type.
const typeFiles = new Map();
function indexTypes() {
  for (const name of packages) {
    const root = join(modules, name);
    for (const file of createRequire(import.meta.url)("node:fs").readdirSync(root, { recursive: true })) {
      if (!file.endsWith(".d.ts") || file.startsWith("_schemas")) continue;
      const text = readFileSync(join(root, file), "utf8");
      const exported = /export type \{ \w+ as I(IoK8s\w+)/.exec(text);
      if (exported) typeFiles.set(exported[1], text);
    }
  }
}

// Field → definition of its values, or null where they are plain.
function fieldsOf(definition) {
  const text = typeFiles.get(definition);
  if (!text) return null;
  const body = /export interface [^{]*\{([\s\S]*?)\n\}/.exec(text);
  if (!body) return null;
  const fields = new Map();
  for (const [, field, type] of body[1].matchAll(/^ {4}"(\w+)"\??: (.*?);?$/gm)) {
    const inner = /\bI(IoK8s\w+)/.exec(type);
    fields.set(field, type.startsWith("{") || !inner ? null : inner[1]);
  }
  return fields;
}

function unknownFields(value, definition, path) {
  if (Array.isArray(value)) return value.flatMap((item, i) => unknownFields(item, definition, `${path}[${i}]`));
  const fields = definition && value && typeof value === "object" ? fieldsOf(definition) : null;
  if (!fields) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    fields.has(name) ? unknownFields(inner, fields.get(name), `${path}.${name}`) : [`${path}.${name}: no such field`],
  );
}

async function problemsOf(manifest, name) {
  const definition = kinds[`${manifest.apiVersion} ${manifest.kind}`];
  if (!definition) return [`${name}: unknown kind ${manifest.apiVersion} ${manifest.kind}`];
  const { validate } = await import(pathToFileURL(join(modules, "kubernetes-models/_schemas", `${definition}.js`)));
  const problems = validate(manifest) ? [] : validate.errors.map((e) => `${name}${e.instancePath}: ${e.keyword} ${JSON.stringify(e.params)}`);
  return [...problems, ...unknownFields(manifest, definition, name)];
}

indexTypes();
const manifests = JSON.parse(readFileSync(process.argv[3], "utf8"));

// This test can fail: the same Job with a wrong type, a missing field and a misspelt one.
const broken = structuredClone(manifests.base);
broken.spec.backoffLimit = "none";
delete broken.spec.template.spec.containers[0].name;
broken.spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem = true;
const found = (await problemsOf(broken, "broken")).join("\n");
for (const wanted of ["backoffLimit: type", "missingProperty", "readOnlyRootFileSystem: no such field"]) {
  if (!found.includes(wanted)) throw new Error(`a broken Job passes: no "${wanted}" in\n${found}`);
}

let failed = 0;
for (const [name, manifest] of Object.entries(manifests)) {
  const problems = await problemsOf(manifest, name);
  for (const problem of problems) console.error(`FAILED: ${problem}`);
  if (problems.length === 0) console.log(`ok: ${name}: ${manifest.kind} fits the schema`);
  failed += problems.length;
}
process.exit(failed ? 1 : 0);
