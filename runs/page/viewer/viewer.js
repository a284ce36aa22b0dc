// Interactive view of packings in a report: spheres by ray casting, binder bridges as cylinders, between two platens.
// Uses OGL (https://github.com/oframe/ogl, Unlicense). Bundled by the command in README.md into ../templates/viewer.js.
import { Camera, Cylinder, Geometry, Mesh, Orbit, Program, Renderer, Transform, Vec3 } from "ogl";

const SPHERE_VERTEX = `#version 300 es
precision highp float;
in vec2 position; in vec3 centre; in float radius; in vec3 colour;
uniform mat4 viewMatrix, projectionMatrix; uniform float cut;
out vec3 vCentre, vPlace, vColour; out float vRadius;
void main() {
  vec4 middle = viewMatrix * vec4(centre, 1.0);
  vCentre = middle.xyz; vRadius = radius; vColour = colour;
  // a square that covers the sphere as a near eye sees it
  vPlace = vCentre + vec3(position * radius * 1.35, 0.0) + normalize(-vCentre) * radius;
  gl_Position = centre.y > cut ? vec4(2.0, 2.0, 2.0, 1.0) : projectionMatrix * vec4(vPlace, 1.0);
}`;
const SPHERE_FRAGMENT = `#version 300 es
precision highp float;
in vec3 vCentre, vPlace, vColour; in float vRadius;
uniform mat4 projectionMatrix;
out vec4 shown;
void main() {
  vec3 ray = normalize(vPlace);
  float along = dot(ray, vCentre), apart = dot(vCentre, vCentre) - along * along, rest = vRadius * vRadius - apart;
  if (rest < 0.0) discard;
  vec3 point = ray * (along - sqrt(rest)), normal = (point - vCentre) / vRadius;
  float light = 0.52 + 0.5 * max(dot(normal, normalize(vec3(-0.4, 0.7, 0.6))), 0.0) + 0.16 * max(normal.z, 0.0);
  vec4 clip = projectionMatrix * vec4(point, 1.0);
  gl_FragDepth = 0.5 * clip.z / clip.w + 0.5;
  shown = vec4(vColour * light, 1.0);
}`;
const ROD_VERTEX = `#version 300 es
precision highp float;
in vec3 position, normal, start, end; in float radius;
uniform mat4 viewMatrix, projectionMatrix; uniform float cut;
out vec3 vNormal;
void main() {
  vec3 axis = normalize(end - start), side = normalize(cross(axis, abs(axis.z) < 0.9 ? vec3(0, 0, 1) : vec3(1, 0, 0)));
  vec3 other = cross(side, axis);
  vec3 place = mix(start, end, position.y + 0.5) + 2.0 * radius * (position.x * side + position.z * other);
  vNormal = mat3(viewMatrix) * (normal.x * side + normal.y * axis + normal.z * other);
  gl_Position = 0.5 * (start.y + end.y) > cut ? vec4(2.0, 2.0, 2.0, 1.0) : projectionMatrix * viewMatrix * vec4(place, 1.0);
}`;
const ROD_FRAGMENT = `#version 300 es
precision highp float;
in vec3 vNormal; out vec4 shown;
void main() {
  float light = 0.45 + 0.55 * max(dot(normalize(vNormal), normalize(vec3(-0.4, 0.7, 0.6))), 0.0);
  shown = vec4(vec3(0.24, 0.26, 0.29) * light * 1.6, 1.0);
}`;

const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

function spheres(gl, bed) {
  const geometry = new Geometry(gl, {
    position: { size: 2, data: new Float32Array([-1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, 1]) },
    centre: { instanced: 1, size: 3, data: floats(bed.centre) },
    radius: { instanced: 1, size: 1, data: floats(bed.radius) },
    colour: { instanced: 1, size: 3, data: floats(bed.colour) },
  });
  const program = new Program(gl, { vertex: SPHERE_VERTEX, fragment: SPHERE_FRAGMENT, cullFace: false, uniforms: { cut: { value: 1e9 } } });
  return new Mesh(gl, { geometry, program, frustumCulled: false });
}

function rods(gl, bed) {
  const one = new Cylinder(gl, { radiusTop: 0.5, radiusBottom: 0.5, height: 1, radialSegments: 10, openEnded: true });
  const geometry = new Geometry(gl, {
    position: one.attributes.position, normal: one.attributes.normal, index: one.attributes.index,
    start: { instanced: 1, size: 3, data: floats(bed.start) },
    end: { instanced: 1, size: 3, data: floats(bed.end) },
    radius: { instanced: 1, size: 1, data: floats(bed.bond) },
  });
  const program = new Program(gl, { vertex: ROD_VERTEX, fragment: ROD_FRAGMENT, cullFace: false, uniforms: { cut: { value: 1e9 } } });
  return new Mesh(gl, { geometry, program, frustumCulled: false });
}

function show(root) {
  const beds = JSON.parse(root.querySelector("script").textContent);
  const canvas = root.querySelector("canvas"), choice = root.querySelector("select");
  const binder = root.querySelector("input[type=checkbox]"), cut = root.querySelector("input[type=range]");
  let renderer;
  try {
    renderer = new Renderer({ canvas, dpr: Math.min(window.devicePixelRatio || 1, 2), antialias: true });
    if (!renderer.isWebgl2) throw new Error("no WebGL 2");
  } catch (failure) {
    root.querySelector(".view-none").hidden = false;
    canvas.hidden = true;
    return;
  }
  const gl = renderer.gl;
  gl.clearColor(0.933, 0.945, 0.957, 1);
  const camera = new Camera(gl, { fov: 30, near: 1, far: 5000 });
  camera.up.set(0, 0, 1);
  const first = beds[0], size = Math.hypot(first.width, first.depth, first.height);
  const target = new Vec3(first.width / 2, first.depth / 2, first.height / 2);
  camera.position.set(target.x + 1.0 * size, target.y - 2.0 * size, target.z + 0.7 * size);
  const orbit = new Orbit(camera, { element: canvas, target, ease: 0.4, inertia: 0.6, minDistance: 0.2 * size, maxDistance: 6 * size });
  const scenes = beds.map((bed) => {
    const scene = new Transform();
    const parts = [spheres(gl, bed)];
    if (bed.bond) parts.push(rods(gl, bed));
    parts.forEach((part) => part.setParent(scene));
    return { scene, parts };
  });
  const fit = () => {
    renderer.setSize(canvas.parentElement.clientWidth, canvas.clientHeight);
    canvas.style.width = "100%"; canvas.style.height = "";
    camera.perspective({ aspect: gl.canvas.width / gl.canvas.height });
  };
  window.addEventListener("resize", fit);
  fit();
  const draw = () => {
    orbit.update();
    const { scene, parts } = scenes[choice.selectedIndex];
    const at = Number(cut.value) >= 100 ? 1e9 : (first.depth * Number(cut.value)) / 100;
    parts.forEach((part) => (part.program.uniforms.cut.value = at));
    if (parts[1]) parts[1].visible = binder.checked;
    binder.disabled = !parts[1];
    renderer.render({ scene, camera });
    requestAnimationFrame(draw);
  };
  draw();
}

document.querySelectorAll(".packing-view").forEach(show);
