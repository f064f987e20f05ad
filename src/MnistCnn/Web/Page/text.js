// All that the page says, in English and in Chinese, and how it writes numbers.

const KEPT_AS = 'language';

let chosen = kept() ?? navigator.languages.find(each => /^(en|zh)/.test(each))?.slice(0, 2) ?? 'en';

/** @returns {'en' | 'zh'} */
export const language = () => chosen;

/** Changes the language, and keeps it for the next time. @param {'en' | 'zh'} language */
export function setLanguage(language) {
  chosen = language;
  try {
    localStorage.setItem(KEPT_AS, language);
  } catch {
    // A browser that keeps nothing: it is asked again the next time.
  }
}

function kept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} values what stands for {name}
 * @returns {string}
 */
export function text(key, values = {}) {
  const pair = texts[key];
  if (!pair)
    throw new Error(`There is no text '${key}'.`);
  return pair[chosen === 'zh' ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Writes the texts of all elements in a place that name one: `data-text` is what they say, `data-label` what a screen reader says. */
export function translate(place) {
  for (const element of place.querySelectorAll('[data-text]'))
    element.textContent = text(element.dataset.text);
  for (const element of place.querySelectorAll('[data-label]'))
    element.ariaLabel = element.title = text(element.dataset.label);
}

/** A number with at most so many digits behind the point. */
export function number(value, digits = 0) {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits }).replace('-', '−').replace(/^−0$/, '0');
}

/** A number with about three digits that count. */
export function figure(value) {
  const size = Math.abs(value);
  return number(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.001 || size === 0 ? 3 : 5);
}

/** A share, from 0 to 1, in percent. */
export function percent(share, digits = 1) {
  const written = (100 * share).toFixed(digits);
  return chosen === 'zh' ? `${written}%` : `${written}\u00a0%`;
}

const texts = {
  title: ['MnistCnn: look inside', 'MnistCnn：看看网络内部'],
  skip: ['Skip to the content', '跳到正文'],
  views: ['Views', '页面'],
  viewLook: ['Look inside', '网络内部'],
  viewRuns: ['Runs', '训练记录'],
  viewConfusion: ['Confusion matrix', '混淆矩阵'],
  noServer: ['The program does not answer any more. Start it again with: dotnet run serve', '程序没有响应。请重新启动：dotnet run serve'],

  drawTitle: ['Draw a digit', '画一个数字'],
  pictureTitle: ['Show it a picture', '给它一张图片'],
  pictureHint: ['Drop a picture here', '把图片拖到这里'],
  penLabel: ['Sheet to draw on', '画板'],
  shownLabel: ['The picture', '当前图片'],
  penHint: ['Draw here', '在这里画'],
  penKeys: [
    'By keyboard: arrow keys move the pen, Space puts it down and lifts it, Backspace undoes.',
    '键盘：方向键移动画笔，空格键落笔或抬笔，退格键撤销。',
  ],
  penDown: ['Pen down', '落笔'],
  penUp: ['Pen up', '抬笔'],
  undo: ['Undo', '撤销'],
  clear: ['Clear', '清空'],
  choose: ['Picture…', '选择图片…'],
  dropHint: ['You can also drop or paste a picture.', '也可以把图片拖到页面上，或直接粘贴。'],
  tooLarge: ['{name} is too large: {size} MB, of at most 8.', '{name} 太大：{size} MB，最多 8 MB。'],

  imagesTitle: ['Test images', '测试图像'],
  previousImage: ['Previous test image', '上一张测试图像'],
  nextImage: ['Next test image', '下一张测试图像'],
  randomImage: ['Any', '随机'],
  mistake: ['A mistake', '看一个错例'],
  imagesHint: ['Images that the network has not learnt from.', '网络训练时没有见过的图像。'],
  imageCaption: ['Image {index} of {count}. It shows: {label}', '第 {index} 张，共 {count} 张，正确答案：{label}'],
  looking: ['The network looks at all test images…', '网络正在识别全部测试图像……'],
  noMistake: ['This network makes no mistake on these images.', '这个网络在这些图像上没有出错。'],

  network: ['Network', '网络'],
  compareWith: ['Compare with', '对比'],
  noOther: ['none', '不对比'],
  parameters: ['{count} parameters', '{count} 个参数'],
  accuracy: ['{share} of the test images right', '测试准确率 {share}'],
  chosenOnTest: [' (chosen on the test images)', '（按测试集选出）'],
  seenCaption: ['What the network gets: {width} × {height} pixels', '网络实际看到的图像：{width} × {height} 像素'],
  seenLabel: ['The image that the network gets, {width} × {height} pixels', '网络实际看到的图像，{width} × {height} 像素'],
  blank: ['Nothing to read yet', '还没有内容'],
  right: ['{share}, right', '{share}，正确'],
  wrong: ['{share}, wrong: it is {label}', '{share}，错误，应为 {label}'],
  announcement: ['{model} answers {answer}, {share}.', '{model} 的答案是 {answer}，{share}。'],

  whereTitle: ['Where it looks', '它在看哪里'],
  whereHint: [
    'Point at a class above, or go to it with Tab. Orange speaks for the class, blue against it.',
    '把指针移到上面的某个类别上，或用 Tab 键选中它。橙色支持这个类别，蓝色反对。',
  ],
  occlusion: ['Cover a place and see what is lost (occlusion)', '遮住一处，看概率降低多少（遮挡法）'],
  gradient: ['How much each pixel counts (gradient)', '每个像素的影响（梯度）'],

  whatIfTitle: ['What if', '如果……会怎样'],
  reset: ['Reset', '全部还原'],
  changeright: ['Right', '右移'],
  changedown: ['Down', '下移'],
  changedegrees: ['Turn', '旋转'],
  changescale: ['Size', '大小'],
  changethicker: ['Thicker', '加粗'],
  switches: ['In the network', '改动网络'],
  switchesOf: ['In {model}', '改动 {model}'],
  blocks: ['{count} blocks', '{count} 个块'],
  switchbranch: ['without {branch}', '关闭分支 {branch}'],
  switchshortcut: ['without the shortcut', '关闭捷径（跳跃连接）'],
  switchlisting: ['conv2 takes the input, as the listing prints it', 'conv2 直接读取块的输入（如文中代码所写）'],

  networkTitle: ['Inside {name}', '{name} 的内部'],
  networkHow: [
    'From left to right, a column a layer. Every small picture is a feature map: orange is above zero, blue below. Click one to see how it is computed; arrow keys move, Enter opens.',
    '从左到右，一列是一层。每张小图是一个特征图：橙色为正，蓝色为负。点击一张可以看到它是怎样算出来的；也可以用方向键移动，按回车键打开。',
  ],
  mapsPerLayer: ['Maps a layer', '每层特征图数'],
  openAll: ['Open all blocks', '展开所有块'],
  closeAll: ['Close all', '全部收起'],
  openBlock: ['Open this block', '展开这个块'],
  closeBlock: ['Close this block', '收起这个块'],
  blockConcat: ['branches, joined', '多个分支拼接'],
  blockAdd: ['residual block', '残差块'],
  below: ['below zero', '负'],
  above: ['above zero', '正'],
  mapOf: ['map {map}, from {lowest} to {highest}', '第 {map} 个特征图，取值 {lowest} 到 {highest}'],
  numberOf: ['number {place} is', '第 {place} 个数 ='],
  classOf: ['class {name} has', '类别 {name} ='],

  nameInput: ['image', '图像'],
  nameRelu: ['relu', 'ReLU'],
  nameMaxPool: ['max pool', '最大池化'],
  nameAveragePool: ['mean pool', '平均池化'],
  nameGlobalAveragePool: ['mean', '全局池化'],
  nameConcat: ['concat', '拼接'],
  namePad: ['pad', '补零'],
  nameAdd: ['add', '相加'],
  nameFlatten: ['flatten', '展平'],
  nameIdentity: ['identity', '恒等'],
  nameConv: ['conv', '卷积'],
  nameBatchNormalization: ['batch norm', '批归一化'],
  nameGemm: ['linear', '全连接'],

  kindInput: ['normalised', '归一化后'],
  kindConv: ['conv {window}', '{window} 卷积'],
  kindBatchNormalization: ['normalised', '批归一化'],
  kindGemm: ['linear layer', '全连接层'],
  kindIdentity: ['as it is', '原样通过'],
  kindRelu: ['what is above 0', '只留正值'],
  kindMaxPool: ['largest of {window}', '{window} 取最大'],
  kindAveragePool: ['mean of {window}', '{window} 取平均'],
  kindGlobalAveragePool: ['mean of each map', '每图取平均'],
  kindConcat: ['all branches', '合并各分支'],
  kindPad: ['maps of zeros added', '补上全零的特征图'],
  kindAdd: ['x + F(x)', 'x + F(x)'],
  kindFlatten: ['all in a row', '排成一行'],

  mapTitle: ['{layer}: map {map}', '{layer}：第 {map} 个特征图'],
  numberTitle: ['{layer}: {name}', '{layer}：{name}'],
  previousMap: ['Previous map', '上一个特征图'],
  nextMap: ['Next map', '下一个特征图'],
  closeMap: ['Close', '关闭'],
  mapLabel: ['The map. Arrow keys move the cursor.', '特征图，用方向键移动光标。'],
  mapKeys: ['Point at a place, or use the arrow keys. A click holds the place, another lets it go.', '把指针移到某处，或用方向键移动。单击固定该处，再次单击取消。'],
  mapPlace: ['Row {row}, column {column}: {value}', '第 {row} 行，第 {column} 列：{value}'],

  howSum: ['How this number is computed', '这个数是怎样算出来的'],
  howSumNote: [
    'Each input map has a kernel of its own. Where the window lies, every number is multiplied by the weight in its place, and all products are added.',
    '每个输入特征图都有自己的卷积核。窗口内的每个数与对应的权重相乘，再把所有乘积加起来。',
  ],
  sumWithBias: ['sum over {count} input maps {sum}, bias {bias}, gives {value}', '{count} 个输入特征图之和 {sum}，偏置 {bias}，结果 {value}'],
  sumWithoutBias: ['sum over {count} input maps gives {value}', '{count} 个输入特征图之和 = {value}'],
  inputMap: ['map {map}', '特征图 {map}'],
  otherMaps: ['the other {count} together: {sum}', '其余 {count} 个合计：{sum}'],
  oneMap: ['Input map {map}', '输入特征图 {map}'],
  patch: ['input', '输入'],
  kernel: ['kernel', '卷积核'],
  products: ['products', '乘积'],
  productSum: ['the products add up to {sum}', '乘积之和 = {sum}'],
  howMaxPool: ['The largest number of the window is kept', '取窗口中的最大值'],
  howAveragePool: ['The mean of the window', '取窗口的平均值'],
  howGlobalAveragePool: ['The mean of the whole map', '取整个特征图的平均值'],
  maximumOf: ['the largest of {count} numbers is {value}', '{count} 个数中最大的是 {value}'],
  meanOf: ['{sum} / {count} = {value}', '{sum} / {count} = {value}'],
  howBlock: ['What the block adds to its own input', '残差块在输入上加了什么'],
  howBlockNote: [
    'x takes the shortcut around the block, F(x) is what its layers give. The bars compare their norms, over all maps of the layer.',
    'x 经捷径（跳跃连接）绕过这个块，F(x) 是块中各层算出的结果。横条比较各部分的范数（整层所有特征图）。',
  ],
  blockEquation: ['x + F(x): {x} + ({f}) = {sum}', 'x + F(x)：{x} + ({f}) = {sum}'],
  blockEquationRelu: ['x + F(x): {x} + ({f}) = {sum}, and relu leaves {left}', 'x + F(x)：{x} + ({f}) = {sum}，经过 ReLU 得 {left}'],
  normOf: ['norm {norm}: {share} of |x| + |F(x)|', '范数 {norm}，占 |x| + |F(x)| 的 {share}'],
  howBatchNormalization: ['Batch normalisation: one factor and one shift for the whole map', '批归一化：整个特征图共用一个系数和一个偏移'],
  howRelu: ['Relu: what is below zero becomes zero', 'ReLU：负数变成 0'],
  howConcat: ['The branches are put one behind the other', '把各分支的特征图依次拼接'],
  howPad: ['Maps of zeros are put behind the others', '在后面补上全零的特征图'],
  howPadNote: [
    'This map is one of those: all zeros. So the shortcut gets as many maps as what the layers give, without weights of its own.',
    '这就是补上的一张，全为 0。这样捷径不需要权重，特征图的数目也和块中各层的输出一样多。',
  ],
  howFlatten: ['All numbers of all maps in a row', '把所有特征图的数排成一行'],
  howIdentity: ['Passed on as it is', '原样通过'],
  howInput: ['The image as the network computes with it', '网络计算时使用的图像'],
  howInputNote: [
    'The mean of the training images was taken from every pixel, and the rest divided by their deviation. So the background is below zero.',
    '每个像素减去训练图像的均值，再除以标准差，所以背景小于 0。',
  ],
  equationBatchNormalization: ['{factor} × ({x}) {shift} = {value}', '{factor} × ({x}) {shift} = {value}'],
  equationRelu: ['the larger of 0 and {x} is {value}', 'max(0, {x}) = {value}'],
  equationConcat: ['this is map {map} of {layer}: {value}', '来自 {layer} 的第 {map} 个特征图：{value}'],
  equationPad: ['{value}', '{value}'],
  equationIdentity: ['{value}', '{value}'],
  equationFlatten: ['number {place} is from map {map}, row {row}, column {column}', '第 {place} 个数来自第 {map} 个特征图的第 {row} 行第 {column} 列'],

  runsTitle: ['Runs', '训练记录'],
  runsFolder: ['The runs in {folder}. One that trains moves on by itself.', '{folder} 中的训练记录。正在训练的会自动更新。'],
  runsEmpty: [
    'There is no run here yet. “dotnet run train --arch residual” makes one, and it appears here by itself.',
    '这里还没有训练记录。运行 dotnet run train --arch residual，新的记录会自动出现。',
  ],
  runsNone: ['Tick runs below to see their curves here.', '在下表中勾选训练记录，就能在这里看到它们的曲线。'],
  runsNews: ['{name}: epoch {done} of {total}, accuracy {accuracy}', '{name}：第 {done} 轮，共 {total} 轮，准确率 {accuracy}'],
  runsEpoch: ['Epoch', '轮次'],
  runsAccuracyChart: ['Accuracy on the test images, in %', '测试集准确率（%）'],
  runsLossChart: ['Loss in nats: test images, and dashed the training images', '损失（nat）：实线为测试集，虚线为训练集'],
  runsNumbers: ['The curves in numbers', '曲线的数值'],
  runsNumbersCell: ['{accuracy}; loss {test}, training {train}', '{accuracy}；测试损失 {test}，训练损失 {train}'],
  runsTable: ['All runs', '全部训练记录'],
  runsName: ['Run', '名称'],
  runsCurve: ['Accuracy', '准确率'],
  runsArchitecture: ['Network', '网络'],
  runsTraining: ['Batch, learning rate', '批大小、学习率'],
  runsSettings: ['{batch}, {rate}', '{batch}、{rate}'],
  runsSeed: ['Seed', '随机种子'],
  runsEpochs: ['Epochs', '轮数'],
  runsProgress: ['{done} of {total}', '{done} / {total}'],
  runsBest: ['Best (epoch)', '最高（轮次）'],
  runsBestNote: ['Best*: chosen on the test images.', '最高*：按测试集选出。'],
  runsLast: ['Last', '最后'],
  runsStatus: ['State', '状态'],
  runsLinks: ['Its network', '查看网络'],
  runsRunning: ['training', '训练中'],
  runsFinished: ['finished', '已完成'],
  runsStopped: ['stopped', '已停止'],
  runsFull: ['The charts show {count} runs at most.', '图中最多显示 {count} 条曲线。'],
  runsSmallCurve: ['Accuracy, from {first} to {last}', '准确率从 {first} 到 {last}'],
  runsNetworks: ['Confusion matrix of', '混淆矩阵：'],

  confusionWait: ['The network reads all test images…', '网络正在识别全部测试图像……'],
  confusionFacts: [
    '{accuracy} of {count} test images are right{chosen}; loss {loss} nats.', '{count} 张测试图像，准确率 {accuracy}{chosen}，损失 {loss} nat。',
  ],
  confusionPairs: ['The most frequent mistakes', '最常见的错误'],
  confusionCaption: [
    'Rows: what the images show. Columns: what the network answers. Arrow keys move, Enter opens the images of a cell.',
    '行是正确答案，列是网络的答案。方向键移动，回车键打开该格的图像。',
  ],
  confusionCorner: ['shows\u00a0↓ answer\u00a0→', '正确\u00a0↓ 答案\u00a0→'],
  confusionShare: ['right', '正确率'],
  confusionRight: ['{label} recognised: {count} ({share})', '{label} 识别正确：{count} 张（{share}）'],
  confusionWrong: ['{label} taken for {answer}: {count} ({share})', '{label} 误认作 {answer}：{count} 张（{share}）'],
  confusionLegendRight: ['right', '正确'],
  confusionLegendWrong: ['mistaken', '误认'],
  confusionLegendShade: ['The deeper the colour, the larger the share of the row, by its cube root.', '颜色越深，占该行的比例越大（按立方根）。'],
  confusionOrder: ['In the order of how sure the network is. Click one to look inside.', '按网络的把握从高到低排列。点击图像可以看网络内部。'],
  confusionHint: ['Click a cell to see its images.', '点击一格，查看其中的图像。'],
  confusionMore: ['{count} more, of {left}', '再显示 {count} 张（还有 {left} 张）'],
  confusionImage: ['Test image {image}: {label}, answer {answer}, {sure}', '测试图像 {image}：{label}，网络的答案 {answer}，{sure}'],
};
