// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
// Writes models with TensorFlow.js itself, with its own losses:
//     node make_tfjs.mjs tfjs
// Each is a folder of its own, js_NAME; make_models.py tfjs then adds them to expected.json.
import {mkdirSync, writeFileSync} from "node:fs";
import * as core from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import * as layers from "@tensorflow/tfjs-layers";

const {l1, l2, l1l2} = layers.regularizers;
const {dense, bidirectional, lstm, timeDistributed} = layers.layers;

function denseLayers() {
    const model = layers.sequential();
    const strings = {kernelRegularizer: l1({l1: 0.03}), biasRegularizer: "l1l2", trainable: false};
    model.add(dense({units: 3, inputShape: [4], kernelRegularizer: l1l2({l1: 0.01, l2: 0.02}),
                     biasRegularizer: l2({l2: 0.1})}));
    model.add(dense({units: 3, ...strings}));
    model.add(dense({units: 2, useBias: false, kernelRegularizer: l1l2(), biasRegularizer: l2()}));
    return model;
}

function recurrent() {
    const input = layers.input({shape: [5, 3]});
    const cell = lstm({units: 2, returnSequences: true, kernelRegularizer: l2({l2: 0.01}),
                       recurrentRegularizer: l1({l1: 0.02}),
                       recurrentInitializer: "glorotUniform"});
    const layer = dense({units: 2, kernelRegularizer: l2({l2: 0.02})});
    const x = bidirectional({layer: cell, mergeMode: "concat"}).apply(input);
    return layers.model({inputs: input, outputs: timeDistributed({layer}).apply(x)});
}

/** Numbers of both signs, the same in every run. */
function values(shape, seed) {
    const size = shape.reduce((product, length) => product * length, 1);
    const element = (i) => (((i * 7919 + seed * 104729) % 2003) - 1001) / 997;
    return core.tensor(Array.from({length: size}, (_, i) => element(i)), shape);
}

await core.setBackend("cpu");
for (const [name, model] of [["js_dense", denseLayers()], ["js_recurrent", recurrent()]]) {
    model.setWeights(model.getWeights().map((tensor, i) => values(tensor.shape, i)));
    const folder = `${process.argv[2]}/${name}`;
    mkdirSync(folder, {recursive: true});
    await model.save({save: async (artifacts) => {
        const weights = [{paths: ["./weights.bin"], weights: artifacts.weightSpecs}];
        const {modelTopology, format, generatedBy, convertedBy} = artifacts;
        const file = {modelTopology, format, generatedBy, convertedBy, weightsManifest: weights};
        writeFileSync(`${folder}/model.json`, JSON.stringify(file));
        writeFileSync(`${folder}/weights.bin`, new Uint8Array(artifacts.weightData));
        return {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: "JSON"}};
    }});
    const built = model.model ?? model;
    const losses = built.calculateLosses().map((loss) => loss.dataSync()[0]);
    writeFileSync(`${folder}/losses.json`, JSON.stringify(losses) + "\n");
}
