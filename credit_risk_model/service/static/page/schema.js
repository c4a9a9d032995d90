// Reading the schemas of an OpenAPI contract.

/** Return a function that resolves a schema: without references, and with the one choice that is not null. */
export function resolver(contract) {
  const follow = (reference) =>
    reference.slice(2).split("/").reduce((node, key) => node?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], contract);
  const resolve = (schema, depth = 0) => {
    if (!schema || typeof schema !== "object" || depth > 20) return {};
    const { $ref: reference, allOf, anyOf, oneOf, ...own } = schema;
    if (Array.isArray(own.type)) own.type = own.type.find((type) => type !== "null");
    if (reference) return { ...resolve(follow(reference), depth + 1), ...own };
    if (allOf) return Object.assign({}, ...allOf.map((part) => resolve(part, depth + 1)), own);
    const choices = (anyOf ?? oneOf ?? []).filter((choice) => choice.type !== "null");
    return choices.length === 1 ? { ...resolve(choices[0], depth + 1), ...own } : { ...schema, ...own };
  };
  return resolve;
}

/** Return an example of a schema: the one that it gives, or one that is made of its parts. */
export function example(schema, resolve, depth = 0) {
  const resolved = resolve(schema);
  const given = [resolved.examples?.[0], resolved.example, resolved.default, resolved.const, resolved.enum?.[0]];
  const first = given.find((value) => value !== undefined);
  if (first !== undefined || depth > 6) return first ?? null;
  if (resolved.type === "array") return [example(resolved.items, resolve, depth + 1)];
  if (resolved.type === "object" || resolved.properties) {
    const parts = Object.entries(resolved.properties ?? {}).map(([name, part]) => [name, example(part, resolve, depth + 1)]);
    return Object.fromEntries(parts);
  }
  if (resolved.type === "integer" || resolved.type === "number") return resolved.minimum ?? 0;
  if (resolved.type === "boolean") return false;
  return resolved.type === "string" ? "" : null;
}

/** Return the operations of a contract that take JSON and answer it: path, title, and both schemas. */
export function endpoints(contract) {
  const json = (part) => part?.content?.["application/json"]?.schema;
  return Object.entries(contract.paths)
    .filter(([path, operations]) => path.startsWith("/api/models/") && json(operations.post?.requestBody))
    .map(([path, { post }]) => ({
      path,
      title: (post.summary ?? path).replace(/^Predict with /, ""),
      input: json(post.requestBody),
      output: json(post.responses["200"]),
    }));
}
