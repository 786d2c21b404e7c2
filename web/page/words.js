// The words of the page, in each of its languages. {} stands for something to fill in.
export const words = {
  en: {
    // Everywhere
    conversations: "Conversations", panels: "Panels", save: "Save", cancel: "Cancel", close: "Close", copy: "Copy", copied: "Copied",
    again: "Try again", undo: "Undo", yes: "Yes", no: "No", auto: "Automatic", oneToken: "1 token", tokens: "{} tokens",

    // The list
    newConversation: "New conversation", export: "Export", import: "Import", rename: "Rename", delete: "Delete", title: "Title",
    deleted: "Deleted: {}", deletedOne: "Deleted.",

    // The log
    messages: "Messages", message: "Message", send: "Send", stop: "Stop", you: "You", assistant: "Assistant", edit: "Edit", retry: "Retry",
    fork: "Fork", extend: "Continue", previous: "Previous version", next: "Next version", thoughts: "Thoughts", thoughtsOf: "Thoughts ({})",
    toolCall: "Tool call", copyCode: "Copy code", earlier: "Show earlier messages", begun: "Begins with the state “{}”",
    stopped: "Stopped.", unfinished: "The answer is not complete.", cut: "The connection ended before the answer did. What came so far is kept.",
    length: "The longest answer was reached.",
    try: "Try:", try1: "Explain the difference between a recurrent network and a transformer to a student.",
    try2: "Write a short story about a gosling that learns to fly.", try3: "Write a Go function that reverses a string, and a test for it.",
    try4: "Translate into Chinese: The weather is fine today.", try5: "Which questions should I ask before I buy a used bicycle?",
    welcome: "You are talking to {}. Nothing leaves the server that this page comes from. The model's memory of a conversation has a fixed " +
      "size, however long the conversation gets. It can be saved under a name and loaded again: see the panel “State”.",
    demo: "This is the demo model. It is tiny: it does sums, works on short texts, answers short questions, and writes verse of " +
      "Shakespeare's kind. It knows little else.",

    // The server
    ready: "Ready", answering: "Answering", reading: "Reading the conversation: {} of {} tokens", connecting: "Connecting to the server",
    loading: "The model is being loaded", lost: "No connection to the server; trying again", noModel: "The server has no model",
    noAnswer: "The server does not answer: see that it runs, then try again.",
    noModelYet: "The page waits for the server's model.", needKey: "The server wants a key.", apiKey: "API key", useKey: "Use key",

    // States
    state: "State", readOf: "Tokens read: {} · Size of the state: {}", speedPlot: "Tokens per second, as the text gets longer",
    memoryPlot: "Memory, as the text gets longer: the state (line) and a transformer's (dashes)",
    memoryOf: "At {}: {} here, {} in a transformer of as many layers and channels. Assumed: it keeps keys and values of every layer at full " +
      "width in 16 bits.",
    stateName: "Name of the state", saveState: "Save state", loadState: "Load state", noStates: "No state has a name yet.", stateOf: "{}, {}",
    load: "Load", download: "Download", deleteState: "Delete “{}”? It cannot be brought back.", deleteForGood: "Delete for good", stateSaved: "State saved",
    uploadState: "Upload state", transpose: "Matrices of a tuned state to upload", transposeAuto: "Recognize",
    transposeNo: "As in the authors' files", transposeYes: "Transposed", needName: "Give the state a name first.",
    nothing: "There is nothing to save yet: the conversation is empty.",
    noState: "There is no state behind the last message: wait for its answer, or retry it, and save then.",
    stateOld: "The state behind the last answer is no longer on the server: retry the answer, and save within ten minutes.",
    stateGone: "The state “{}” is not on the server: load or upload it again, or go on without it.", withoutState: "Go on without it",

    // The model and its settings
    model: "Model", parameters: "Parameters", file: "File", kind: "Weights", context: "Longest text, in tokens", memory: "Memory, at most",
    devices: "Devices", speed: "Tokens per second", cached: "Cached tokens", settings: "Settings", temperature: "Temperature", topP: "Top P",
    topK: "Top K", minP: "Min P", presence: "Presence penalty", frequency: "Frequency penalty", decay: "Penalty decay", longest: "Longest answer",
    seed: "Seed", think: "Think", thinkAuto: "As the model does", thinkNo: "This model does not think.", system: "System message",
    systemHint: "None", defaults: "Use the model's defaults", random: "random", unlimited: "no limit", modelsOwn: "the model's own",
    want: "Not used: want a number from {} to {}.", wantWhole: "Not used: want a whole number from {} to {}.",

    // The page
    page: "Page", language: "Language", theme: "Theme", light: "Light", dark: "Dark", busy: "Stop the answer first.",
    badFile: "This file does not hold conversations of this page.", noClipboard: "The browser does not let this page copy: select the text instead.",
    noStore: "This browser does not keep conversations: they end with the page. Export them to keep them.",
    storeFull: "The browser's storage is full: this conversation ends with the page. Export it, or delete others.",
  },
  zh: {
    // Everywhere
    conversations: "对话列表", panels: "面板", save: "保存", cancel: "取消", close: "关闭", copy: "复制", copied: "已复制",
    again: "重试", undo: "撤销", yes: "是", no: "否", auto: "自动", oneToken: "1 个词元", tokens: "{} 个词元",

    // The list
    newConversation: "新对话", export: "导出", import: "导入", rename: "重命名", delete: "删除", title: "标题",
    deleted: "已删除：{}", deletedOne: "已删除。",

    // The log
    messages: "消息记录", message: "消息", send: "发送", stop: "停止", you: "你", assistant: "助手", edit: "编辑", retry: "重新生成",
    fork: "分叉", extend: "继续", previous: "上一个版本", next: "下一个版本", thoughts: "思考过程", thoughtsOf: "思考过程（{}）",
    toolCall: "工具调用", copyCode: "复制代码", earlier: "显示更早的消息", begun: "从状态“{}”开始",
    stopped: "已停止。", unfinished: "回答不完整。", cut: "回答未完成，连接就中断了。已收到的内容已保留。", length: "已达到回答的长度上限。",
    try: "试试：", try1: "向学生解释循环神经网络和 Transformer 的区别。",
    try2: "写一个小鹅学飞的短故事。", try3: "用 Go 写一个反转字符串的函数，并附上测试。",
    try4: "翻译成英文：今天天气很好。", try5: "买二手自行车之前应该问哪些问题？",
    welcome: "你正在与 {} 对话。内容只会发送到提供本页面的服务器。无论对话多长，模型对它的记忆大小都不变。这份记忆可以命名保存，之后再次加载：见“状态”面板。",
    demo: "这是演示模型，非常小：会做加减法、处理短文本、回答简短的问题、写莎士比亚风格的诗句（均为英文）。除此之外几乎什么都不会。",

    // The server
    ready: "就绪", answering: "正在回答", reading: "正在读取对话：{} / {} 个词元", connecting: "正在连接服务器",
    loading: "正在加载模型", lost: "无法连接服务器，正在重试", noModel: "服务器上没有模型",
    noAnswer: "服务器没有响应：请确认它正在运行，然后重试。",
    noModelYet: "正在等待服务器的模型。", needKey: "服务器需要密钥。", apiKey: "API 密钥", useKey: "使用密钥",

    // States
    state: "状态", readOf: "已读词元：{} · 状态大小：{}", speedPlot: "文本变长时每秒生成的词元数",
    memoryPlot: "文本变长时占用的内存：状态（实线）与 Transformer（虚线）",
    memoryOf: "{}时：这里占用 {}，层数和通道数相同的 Transformer 占用 {}。假设它以 16 位保存每一层全宽的键和值。",
    stateName: "状态名称", saveState: "保存状态", loadState: "加载状态", noStates: "还没有已命名的状态。", stateOf: "{}，{}",
    load: "加载", download: "下载", deleteState: "删除“{}”？删除后无法恢复。", deleteForGood: "永久删除", stateSaved: "状态已保存",
    uploadState: "上传状态", transpose: "要上传的微调状态的矩阵", transposeAuto: "自动识别",
    transposeNo: "与作者的文件相同", transposeYes: "已转置", needName: "请先填写状态名称。",
    nothing: "对话是空的，没有可保存的内容。",
    noState: "最后一条消息还没有对应的状态：请等待回答完成，或重新生成后再保存。",
    stateOld: "最后一个回答的状态已不在服务器上：请重新生成回答，并在十分钟内保存。",
    stateGone: "服务器上没有状态“{}”：请重新加载或上传，或者不使用它继续。", withoutState: "不使用它继续",

    // The model and its settings
    model: "模型", parameters: "参数量", file: "文件大小", kind: "权重类型", context: "文本长度上限（词元）", memory: "内存上限",
    devices: "设备", speed: "每秒词元数", cached: "缓存的词元", settings: "设置", temperature: "温度", topP: "Top P",
    topK: "Top K", minP: "Min P", presence: "存在惩罚", frequency: "频率惩罚", decay: "惩罚衰减", longest: "最长回答",
    seed: "随机种子", think: "思考", thinkAuto: "由模型决定", thinkNo: "此模型不会思考。", system: "系统消息",
    systemHint: "无", defaults: "使用模型的默认值", random: "随机", unlimited: "无限制", modelsOwn: "模型默认值",
    want: "未采用：请输入 {} 到 {} 之间的数。", wantWhole: "未采用：请输入 {} 到 {} 之间的整数。",

    // The page
    page: "页面", language: "语言", theme: "主题", light: "浅色", dark: "深色", busy: "请先停止回答。",
    badFile: "此文件不包含本页面的对话。", noClipboard: "浏览器不允许本页面复制：请选中文字后自行复制。",
    noStore: "此浏览器不保存对话：关闭页面后对话就会丢失。如需保留，请导出。",
    storeFull: "浏览器的存储空间已满：关闭页面后此对话就会丢失。请导出它，或删除其他对话。",
  },
};
