// Random numbers are seeded from the line, so that every attempt gets the same ones.
const random = [1, 2, 3, 4];
Math.random = function () {
  let [a, b, c, d] = random;
  const sum = (((a + b) | 0) + d) | 0;
  random[3] = (d + 1) | 0;
  random[0] = b ^ (b >>> 9);
  random[1] = (c + (c << 3)) | 0;
  random[2] = (((c << 21) | (c >>> 11)) + sum) | 0;
  return (sum >>> 0) / 4294967296;
};
const seed = (key) => {
  let hash = 2166136261;
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16777619);
    random[round] = hash = Math.imul(hash ^ (hash >>> 13), 1540483477) | 0;
  }
  for (let round = 0; round < 12; round++) Math.random();
};
