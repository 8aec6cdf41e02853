// For tests only: options of the smallest networks that have every kind of layer. They fit each other: four latent channels, beside them
// those of the image condition.

/** Of a U-Net; `temporalLength` is the test's. */
export const tinyUNet = {
  ...{ inChannels: 8, outChannels: 4, modelChannels: 8, channelMultipliers: [1, 2], numResBlocks: 1 },
  ...{ attentionResolutions: [2], headChannels: 8, normGroups: 4 },
};

/** Of an autoencoder that halves pictures once. */
export const tinyAutoencoder = { ch: 8, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 4 };
